//! PostgreSQL's log: its own segments.

use taskward_core::Timestamp;

use super::{Points, Unusable, directory};
use crate::backup::{BackupError, BackupSettings, Listener, Manifest};

/// The directory of PostgreSQL's log, within that of logs.
const KIND: &str = "postgres";

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
