//! What can go wrong with backups.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use taskward_core::Timestamp;
use taskward_store::{HalfSwapped, StoreError};

use super::{LOG, Points};

/// Why something with backups was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The directory of backups cannot be read, or cannot take one. Nothing was written.
    #[error("{} cannot be used for backups", .dir.display())]
    Destination {
        /// The directory.
        dir: PathBuf,
        /// Why.
        why: String,
    },
    /// Another backup is being made, or old ones are being removed.
    #[error("somebody else is at work in {}", .0.display())]
    Locked(PathBuf),
    /// There is no such backup.
    #[error("there is no backup {id} in {}", .dir.display())]
    NotFound {
        /// Its id, or `--latest`.
        id: String,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// No backup has a log after it, so there is no moment to go to but theirs.
    #[error("there is no log to restore to a moment with")]
    NoLog(
        /// Why, of the latest backup.
        String,
    ),
    /// This database's log cannot be received: it is SQLite's.
    #[error("{0} has no log that can be streamed")]
    NoStream(
        /// Which one; holds no secret.
        String,
    ),
    /// This database has no program that dumps it: it is SQLite's.
    #[error("{0} cannot be dumped")]
    NoDump(
        /// Which one; holds no secret.
        String,
    ),
    /// No backup and the log after it lead to that moment.
    #[error("{to} is in no window of the log")]
    OutsideWindow {
        /// The moment.
        to: Timestamp,
        /// Where a restore can go.
        points: Box<Points>,
    },
    /// That moment has not come yet.
    #[error("{to} is in the future: it is {now:.0}")]
    Future {
        /// The moment.
        to: Timestamp,
        /// Now.
        now: Timestamp,
    },
    /// This is no file that PostgreSQL archives.
    #[error("{} is no file of PostgreSQL's log", .path.display())]
    NotLog {
        /// The file, or its name.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A file of the log is not there.
    #[error("{0} is not there")]
    LogMissing(
        /// The file, or its name.
        String,
    ),
    /// The archive has another file of that name, which was not touched, or is of another cluster.
    #[error("{} is of another log", .path.display())]
    LogDiffers {
        /// The file, or the directory.
        path: PathBuf,
        /// What it is.
        why: String,
    },
    /// Files of a backup, or of the log after it, are missing, or not what they were.
    #[error("{} cannot be used: {}", subject(.id), list(.problems))]
    Damaged {
        /// Its id; [`LOG`] for the log.
        id: String,
        /// What is wrong with which file; at least one.
        problems: Vec<FileProblem>,
    },
    /// There is no database to copy.
    #[error("there is no database at {}", .0.display())]
    NoDatabase(PathBuf),
    /// The database.
    #[error("{database}: {source}")]
    Store {
        /// Which one; holds no secret.
        database: String,
        /// What it said.
        source: StoreError,
    },
    /// A program of PostgreSQL is not installed.
    #[error("{name} of PostgreSQL {major} is not installed here")]
    ProgramMissing {
        /// The program.
        name: &'static str,
        /// The major version it has to be of.
        major: u32,
        /// The package that has it, on Debian and the like.
        package: String,
    },
    /// A program beside PostgreSQL is not installed.
    #[error("{name} is not installed here")]
    NotInstalled {
        /// The program.
        name: &'static str,
        /// The package that has it, on Debian and the like.
        package: &'static str,
    },
    /// pgBackRest has no stanza that takes backups. Nothing was written.
    #[error("pgBackRest's stanza {stanza} takes no backups")]
    Stanza {
        /// Its name.
        stanza: String,
        /// What pgBackRest says.
        why: String,
    },
    /// A program of PostgreSQL is of another major version than the server.
    #[error("{name} is of PostgreSQL {found}, what it is for is of {needed}")]
    ProgramVersion {
        /// The program.
        name: &'static str,
        /// Its version.
        found: String,
        /// The server's, or the backup's, major version.
        needed: u32,
    },
    /// The role, or the server, does not allow a copy of the whole cluster.
    #[error("{database} does not allow a base backup")]
    Replication {
        /// Which one; holds no secret.
        database: String,
        /// What is missing.
        why: String,
        /// The SQL that helps.
        fix: String,
    },
    /// A program failed.
    #[error("{program} failed")]
    Program {
        /// The program.
        program: String,
        /// The end of what it said, without secrets.
        why: String,
    },
    /// A copy is not what it is a copy of.
    #[error("the copy of {id} does not hold what it should: {}", .differences.join("; "))]
    Differs {
        /// The backup's id.
        id: String,
        /// Every difference.
        differences: Vec<String>,
    },
    /// What was restored holds what no program may have written. The original may have held it too.
    #[error("what was restored of {id} does not hold together: {}", .violations.join("; "))]
    Violations {
        /// The backup's id.
        id: String,
        /// Every invariant that does not hold, or could not be looked at, with examples.
        violations: Vec<String>,
    },
    /// Somebody uses the target of a restore.
    #[error("{target} is in use")]
    InUse {
        /// The file, the directory or the database.
        target: String,
        /// Who uses it, as far as known.
        why: String,
    },
    /// A restore may not go there.
    #[error("{target} is no place to restore to")]
    Target {
        /// The file, the directory or the database.
        target: String,
        /// Why.
        why: String,
    },
    /// An earlier restore to there was interrupted while it swapped. Nothing was touched.
    #[error("{0}")]
    HalfSwapped(HalfSwapped),
    /// A file, or a directory.
    #[error("{what}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl BackupError {
    /// With its causes, in one line.
    pub fn described(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        match self {
            Self::Program { why, .. }
            | Self::LogDiffers { why, .. }
            | Self::Replication { why, .. }
            | Self::Destination { why, .. } => {
                format!("{text}: {why}")
            }
            _ => text,
        }
    }

    pub(super) fn io(what: &str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let what = format!("{what} {}", path.display());
        move |source| Self::Io { what, source }
    }

    pub(super) fn store(database: &str) -> impl Fn(StoreError) -> Self + use<> {
        let database = database.to_owned();
        move |source| Self::Store { database: database.clone(), source }
    }
}

/// What is wrong with a file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileProblem {
    /// The file's name within the backup.
    pub file: String,
    /// What is wrong.
    pub fault: FileFault,
    /// The same with its numbers, for people.
    pub detail: String,
}

/// How a file of a backup is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFault {
    /// It is not there.
    Missing,
    /// It is not what it was when the backup was made.
    Changed,
    /// It cannot be read.
    Unreadable,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.file, self.detail)
    }
}

fn subject(id: &str) -> String {
    if id == LOG { "the log".to_owned() } else { format!("backup {id}") }
}

fn list(problems: &[FileProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
