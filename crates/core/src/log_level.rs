//! How severe what is logged is.

use serde::{Deserialize, Serialize};

/// How severe an event is, the most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What may become a failure.
    Warning,
    /// What happens in normal operation.
    Info,
    /// What helps to find a fault.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Every level, the most severe first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warning, Self::Info, Self::Debug, Self::Trace];

    /// The name, as in JSON: `WARNING`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }

    /// Reads a name in any case; `WARN` is `WARNING`.
    pub fn parse(text: &str) -> Option<Self> {
        let warn = text.eq_ignore_ascii_case("warn").then_some(Self::Warning);
        warn.or_else(|| Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text)))
    }
}

impl std::fmt::Display for LogLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        for level in LogLevel::ALL {
            assert_eq!(LogLevel::parse(&level.as_str().to_lowercase()), Some(level));
        }
        assert_eq!(LogLevel::parse("Warn"), Some(LogLevel::Warning));
        assert_eq!(LogLevel::parse("verbose"), None);
        assert!(LogLevel::Error < LogLevel::Debug, "severe ones come first");
    }
}
