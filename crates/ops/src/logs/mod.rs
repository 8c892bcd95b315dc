//! The chapter "logs": reading what the service has written, rotated and compressed files included.
//!
//! Lines are read one by one and never kept, except for those that are asked for; a line, and an entry of
//! several lines, has a limit. JSON lines are understood; of lines for people, time and level are, and fields as
//! far as they can be told from the text.

mod entry;
mod errors;
mod files;
mod filter;
mod lines;
pub mod prune;
mod read;
mod show;
mod tail;

use std::io;
use std::path::PathBuf;

use serde::Serialize;

pub use entry::Entry;
pub use errors::{ErrorGroup, ErrorReport, GroupBy, errors};
pub use filter::Filter;
pub use show::{Shown, show};
pub use tail::{Follower, Tail, tail};

/// The log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// There is no such file, and no rotated one either.
    #[error("there is no log file {0}")]
    Missing(PathBuf),
    /// It is a directory, or a device.
    #[error("{0} is no file")]
    NotAFile(PathBuf),
    /// The file is there and cannot be read: what it says is unknown.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file was to be removed, and is still there.
    #[error("{path} cannot be removed")]
    Unremovable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl LogError {
    pub(crate) fn of(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing(path),
            _ => Self::Unreadable { path, source },
        }
    }
}

/// A file that could only be read in part: what it says besides is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Where it is.
    pub file: PathBuf,
    /// What is wrong with it.
    pub why: String,
}
