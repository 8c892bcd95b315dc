//! The database's log beside its backups: with both, a restore goes to any moment since the oldest base.
//!
//! A base backup begins a window: what it holds, and all that the log has after it without a gap. Each kind of database has
//! its own log, in a directory of its own below `backup.dir/wal`; how it gets there, and how it is read, is in the folder of
//! that name. What they have in common is here.

mod postgres;
mod sqlite;

use secrecy::ExposeSecret;
use serde::Serialize;
use taskward_config::DatabaseTarget;
use taskward_core::Timestamp;
use taskward_store::Since;

use super::{BackupError, BackupSettings, Catalogue, Engine, FileProblem, ListedState, Listener, Manifest};

pub use postgres::{
    Archived, StreamEvent, StreamListener, WalReading, WalWatch, archive_wal, fetch_wal, stream,
};
pub(super) use postgres::{check as check_postgres, keep_histories, prepare as prepare_postgres};
pub use sqlite::{LogEvent, LogListener, archive_log};
pub(super) use sqlite::{LogStart, roll_forward as roll_sqlite_forward};

/// The directory of the log, within that of backups. [`BackupError::Damaged`] calls the log by it.
pub const DIRECTORY: &str = "wal";

/// Where a database can be brought back to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Points {
    /// Stretches of time, the latest first; any moment within one can be restored to.
    pub windows: Vec<Window>,
    /// Stretches between windows that are lost to the log, the latest first.
    pub gaps: Vec<Gap>,
    /// Files of the log that are missing or damaged, as far as was looked: the backups they belong to begin no window.
    pub damaged: Vec<FileProblem>,
    /// Backups that begin no window, the latest first. They can be restored as they are.
    pub unusable: Vec<Unusable>,
}

/// A stretch of time that can be restored to any moment of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The first moment: what the oldest of its backups holds.
    pub from: Timestamp,
    /// The last moment of which the log has everything.
    pub to: Timestamp,
    /// Its backups, the oldest first; at least one.
    pub bases: Vec<Base>,
}

/// A backup that the log can be rolled forward from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Base {
    /// The backup's id.
    pub backup: String,
    /// The first moment that it can be brought to.
    pub from: Timestamp,
}

/// A stretch of time that the log does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The last moment before it.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
    /// How it came to be.
    pub why: String,
}

/// A backup that begins no window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unusable {
    /// The backup's id.
    pub backup: String,
    /// Why.
    pub why: String,
}

impl Points {
    /// The window that a backup is in; `None` when it begins none.
    pub(super) fn window_of(&self, backup: &str) -> Option<&Window> {
        self.windows.iter().find(|window| window.bases.iter().any(|base| base.backup == backup))
    }

    /// The gap that ends a backup's window; `None` when the window goes on.
    pub(super) fn gap_after(&self, backup: &str) -> Option<&Gap> {
        let window = self.window_of(backup)?;
        self.gaps.iter().find(|gap| gap.from >= window.to)
    }
}

impl Window {
    /// The latest backup that can be brought to `moment`; `None` when that is outside.
    pub(super) fn base_for(&self, moment: Timestamp) -> Option<&Base> {
        if moment > self.to {
            return None;
        }
        self.bases.iter().rev().find(|base| base.from <= moment)
    }
}

/// Where the database can be brought back to. Reads what the log says of itself, not all of the log.
///
/// # Errors
/// [`BackupError::Io`] when a directory cannot be read; [`BackupError::Damaged`] when the log does not say what it is.
pub fn points(settings: &BackupSettings) -> Result<Points, BackupError> {
    let bases = bases(settings)?;
    match &settings.database {
        DatabaseTarget::Sqlite(_) => sqlite::points(settings, &bases),
        DatabaseTarget::Postgres(_) => postgres::points(settings, &bases),
    }
}

/// Reads the log from a backup on to `to`, or to its end, and makes sure that all of it is what it was; answers how many
/// files and bytes that were.
///
/// # Errors
/// [`BackupError::Damaged`] with everything that is wrong; the backup is called `wal` there.
pub(super) fn verify(
    settings: &BackupSettings,
    base: &Manifest,
    to: Option<Timestamp>,
    listener: &Listener,
) -> Result<(usize, u64), BackupError> {
    match base.engine {
        Engine::Sqlite => sqlite::verify(settings, base, to, listener),
        Engine::PostgresBase | Engine::PostgresDump | Engine::PgBackRest => {
            postgres::verify(settings, base, to, listener)
        }
    }
}

/// The time of the last commit at or before `to`, in the log after a backup; `None` when it cannot be told.
pub(super) fn last_commit(
    settings: &BackupSettings,
    base: &Manifest,
    to: Timestamp,
) -> Result<Option<Timestamp>, BackupError> {
    match base.engine {
        Engine::Sqlite => sqlite::last_commit(settings, base, to),
        Engine::PostgresBase | Engine::PostgresDump | Engine::PgBackRest => {
            postgres::last_commit(settings, base, to)
        }
    }
}

/// What the live database has that is later than a moment; `None` when it cannot be read.
pub(super) async fn since(settings: &BackupSettings, moment: Timestamp) -> Option<Since> {
    match &settings.database {
        DatabaseTarget::Sqlite(path) => taskward_store::sqlite::since(path, moment).ok(),
        DatabaseTarget::Postgres(url) => {
            taskward_store::postgres::since(url.expose_secret(), moment).await.ok()
        }
    }
}

/// Removes the log that no kept backup needs, or only says what that would be: how many files, and their bytes.
///
/// # Errors
/// [`BackupError::Io`].
pub(super) fn prune(
    settings: &BackupSettings,
    kept: &[&Manifest],
    dry_run: bool,
) -> Result<(usize, u64), BackupError> {
    match &settings.database {
        DatabaseTarget::Sqlite(_) => sqlite::prune(settings, kept, dry_run),
        DatabaseTarget::Postgres(_) => postgres::prune(settings, kept, dry_run),
    }
}

/// The complete backups of the kind that the configured database can be rolled forward from, the latest first.
pub(super) fn bases(settings: &BackupSettings) -> Result<Vec<Manifest>, BackupError> {
    let wanted = match &settings.database {
        DatabaseTarget::Sqlite(_) => Engine::Sqlite,
        DatabaseTarget::Postgres(_) => Engine::PostgresBase,
    };
    let listed = Catalogue::new(&settings.dir).list()?.into_iter();
    let complete = listed.filter_map(|listed| match listed.state {
        ListedState::Complete { manifest } => Some(*manifest),
        _ => None,
    });
    Ok(complete.filter(|manifest| manifest.engine == wanted).collect())
}

/// The log cannot be used.
pub(super) fn damaged(problems: Vec<FileProblem>) -> BackupError {
    BackupError::Damaged { id: DIRECTORY.to_owned(), problems }
}
