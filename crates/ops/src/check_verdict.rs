//! What a check came to.

use std::fmt;

use serde::Serialize;

/// What a check came to, the better first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// It is as it should be.
    Pass,
    /// Nobody knows, which is no pass.
    Unknown,
    /// It is not.
    Fail,
}

impl CheckVerdict {
    /// The worst of some. None at all is no pass.
    pub(crate) fn worst(verdicts: impl Iterator<Item = Self>) -> Self {
        verdicts.max().unwrap_or(Self::Unknown)
    }
}

/// As people read it: what is no pass stands out.
impl fmt::Display for CheckVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Unknown => "UNKNOWN",
            Self::Fail => "FAIL",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::CheckVerdict::{self, Fail, Pass, Unknown};

    #[test]
    fn all_are_as_good_as_the_worst() {
        let worst = |verdicts: &[CheckVerdict]| CheckVerdict::worst(verdicts.iter().copied());
        assert_eq!(worst(&[Pass, Pass]), Pass);
        assert_eq!(worst(&[Pass, Unknown]), Unknown);
        assert_eq!(worst(&[Fail, Unknown, Pass]), Fail);
        assert_eq!(worst(&[]), Unknown);
    }
}
