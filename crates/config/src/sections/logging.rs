//! `logging`: what is logged, how and where.

use std::path::PathBuf;

use serde::Serialize;
use taskward_core::LogLevel;

use super::{section, size};
use crate::schema::Kind;
use crate::value::{FromValue, Value};

section! {
    /// What is logged, how and where.
    Logging = "logging" {
        /// The least severe events that are logged. WARNING and WARN are the same.
        level: LogLevel = Kind::Choice(&[
            ("ERROR", &[]), ("WARNING", &["WARN"]), ("INFO", &[]), ("DEBUG", &[]), ("TRACE", &[]),
        ]), default: "INFO", variable: Some("LOG_LEVEL"), reload: true;
        /// Lines for people, or a JSON object per line.
        format: LogFormat = Kind::Choice(&[("human", &[]), ("json", &[])]),
            unset: "human in dev, json in staging and prod";
        /// A file to log to, beside standard output. It is opened again on SIGHUP, on SIGUSR1 and when it was
        /// moved away.
        file: Option<PathBuf> = Kind::Path,
            unset: "in prod /var/log/app/NAME.log, with app.name, where that directory exists; else none";
        /// Whether lines go to standard output.
        stdout: bool = Kind::Boolean, default: "true";
        /// Whether the service rotates its file itself: when the day changes in UTC, and at `rotate_size`. With
        /// `false` that is left to logrotate.
        rotate: bool = Kind::Boolean, default: "true";
        /// The size at which the file is rotated.
        rotate_size: usize = Kind::Bytes { min: 4 * size::KIB, max: 64 * size::GIB }, default: "100MiB";
        /// Rotated files that are kept, compressed; older ones are deleted.
        rotate_keep: usize = Kind::Integer { min: 1, max: 100_000 }, default: "180";
    }
}

impl FromValue for LogLevel {
    fn from_value(value: &Value) -> Option<Self> {
        Self::parse(&String::from_value(value)?)
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Human,
    /// A JSON object per line.
    Json,
}

impl LogFormat {
    /// The name as configuration writes it: `json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
        }
    }
}

impl FromValue for LogFormat {
    fn from_value(value: &Value) -> Option<Self> {
        let name = String::from_value(value)?;
        [Self::Human, Self::Json].into_iter().find(|it| it.name() == name)
    }
}
