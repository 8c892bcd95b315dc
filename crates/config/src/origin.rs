//! Where a value came from.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// The layer a value came from, and the place in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum Origin {
    /// The built-in defaults; the line is that of `config/defaults.yaml` in Taskward's sources.
    Default {
        /// Line number, from 1.
        line: u32,
    },
    /// A file in the configuration directory.
    File {
        /// The file as it was opened.
        path: PathBuf,
        /// Line number, from 1.
        line: u32,
    },
    /// An environment variable.
    Env {
        /// Its name.
        variable: String,
    },
    /// A secrets file.
    Secret {
        /// The file as it was opened.
        path: PathBuf,
    },
}

impl Origin {
    /// Whether somebody set the value, rather than leaving it at the built-in default.
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        !matches!(self, Self::Default { .. })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default { line } => write!(f, "built-in defaults.yaml:{line}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env { variable } => write!(f, "variable {variable}"),
            Self::Secret { path } => write!(f, "secret {}", path.display()),
        }
    }
}
