//! SQLite's log: the commits of its WAL, in the order they were made in.

use std::path::Path;

use taskward_core::Timestamp;

use super::{Points, Unusable, directory};
use crate::backup::restore::Backup;
use crate::backup::{BackupError, BackupSettings, Listener, Manifest};

/// The directory of SQLite's log, within that of logs.
const KIND: &str = "sqlite";

pub(super) fn points(settings: &BackupSettings, bases: &[Manifest]) -> Result<Points, BackupError> {
    let directory = directory(settings, KIND);
    let unusable = bases.iter().map(|base| Unusable {
        backup: base.id.clone(),
        why: format!("{} has no log that goes on from it", directory.display()),
    });
    Ok(Points { unusable: unusable.collect(), ..Points::default() })
}

pub(super) fn verify(
    _settings: &BackupSettings,
    _base: &Manifest,
    _to: Option<Timestamp>,
    _listener: &Listener,
) -> Result<(usize, u64), BackupError> {
    Ok((0, 0))
}

pub(super) fn last_commit(
    _settings: &BackupSettings,
    _base: &Manifest,
    _to: Timestamp,
) -> Result<Option<Timestamp>, BackupError> {
    Ok(None)
}

/// Applies the log to a copy of its base, up to the last commit at or before `to`.
pub(in crate::backup) async fn roll_forward(
    _backup: &Backup<'_>,
    to: Timestamp,
    _copy: &Path,
) -> Result<(), BackupError> {
    Err(BackupError::NoLog(format!("nothing leads to {to}")))
}
