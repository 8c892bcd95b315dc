//! A list of checks, and what comes of it.

use serde::Serialize;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckVerdict {
    /// It is as it should be.
    Pass,
    /// Nobody knows, which is no pass.
    Unknown,
    /// It is not.
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name: `health`.
    pub id: &'static str,
    /// What should be so.
    pub claim: &'static str,
    /// What it came to.
    pub verdict: CheckVerdict,
    /// What was seen.
    pub evidence: String,
    /// The command to go on with, where it is no pass.
    pub next: Option<String>,
}

/// All checks of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checklist {
    /// Its name: `start`.
    pub name: &'static str,
    /// The service that was asked.
    pub url: String,
    /// The worst of all.
    pub verdict: CheckVerdict,
    /// Each of them, in order.
    pub checks: Vec<Check>,
}

impl Checklist {
    /// These checks, and what they come to together. None at all is no pass.
    pub(super) fn of(name: &'static str, url: &str, checks: Vec<Check>) -> Self {
        let verdict = checks.iter().map(|check| check.verdict).max().unwrap_or(CheckVerdict::Unknown);
        Self { name, url: url.to_owned(), verdict, checks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_as_good_as_its_worst_check() {
        use CheckVerdict::{Fail, Pass, Unknown};
        let verdict = |verdicts: &[CheckVerdict]| {
            let check = |verdict: &CheckVerdict| Check {
                id: "c",
                claim: "it is so",
                verdict: *verdict,
                evidence: String::new(),
                next: None,
            };
            Checklist::of("l", "u", verdicts.iter().map(check).collect()).verdict
        };
        assert_eq!(verdict(&[Pass, Pass]), Pass);
        assert_eq!(verdict(&[Pass, Unknown]), Unknown);
        assert_eq!(verdict(&[Fail, Unknown, Pass]), Fail);
        assert_eq!(verdict(&[]), Unknown);
    }
}
