//! The levels of the service's log.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::duration::HumanDuration;
use crate::task::Timestamp;

/// How severe an event is, the most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
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

/// What the service logs now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLevels {
    /// The level of everything that `targets` does not name.
    pub level: LogLevel,
    /// The level of the configuration, to which the log reverts.
    pub configured: LogLevel,
    /// When `level` reverts; null while it is the configured one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reverts_at: Option<Timestamp>,
    /// The id of the request that set `level`; null while it is the configured one.
    pub set_by: Option<String>,
    /// Parts of the service that log at a level of their own.
    pub targets: Vec<TargetLevel>,
}

/// A part of the service with a level of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetLevel {
    /// The module, with all below it: `taskward_store::postgres`.
    pub target: String,
    /// Its level.
    pub level: LogLevel,
    /// When it reverts.
    #[schema(value_type = String, format = DateTime)]
    pub reverts_at: Timestamp,
    /// The id of the request that set it.
    pub set_by: String,
}

/// What the service shall log for a while.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLogLevel {
    /// `ERROR`, `WARNING` (or `WARN`), `INFO`, `DEBUG` or `TRACE`, in any case. The level that holds anyway takes
    /// back what was set before.
    pub level: String,
    /// The module it is for, with all below it; everything when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// For how long, `1s` to `24h`; `15m` when it is not given.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<HumanDuration>,
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
