//! Removing the log that no backup needs.

use std::fs;

use super::names;
use crate::backup::{BackupError, BackupSettings, Manifest};

/// Removes, or only counts, the files before the first one that a kept backup needs: how many, and their bytes. Without a
/// backup that needs any, none is removed: one may be being made.
pub(in crate::backup::wal) fn prune(
    settings: &BackupSettings,
    kept: &[&Manifest],
    dry_run: bool,
) -> Result<(usize, u64), BackupError> {
    let dir = super::directory_in(&settings.dir);
    let Some(needed) = kept.iter().filter_map(|base| base.log.as_ref()).map(|start| &start.id).min() else {
        return Ok((0, 0));
    };
    let (mut files, mut bytes) = (0, 0);
    for id in names(&dir).into_iter().filter(|id| id < needed) {
        let path = dir.join(id.file_name());
        bytes += fs::metadata(&path).map_or(0, |file| file.len());
        if !dry_run {
            fs::remove_file(&path).map_err(BackupError::io("cannot remove", &path))?;
        }
        files += 1;
    }
    Ok((files, bytes))
}
