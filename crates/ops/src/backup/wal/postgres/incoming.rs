//! What `pg_receivewal` has written: closed segments are archived, and then go.

use std::fs;
use std::path::Path;

use super::archive::{Archive, Put, names};
use super::segment::LogFile;
use crate::backup::BackupError;

/// Archives what is closed. The last segment stays until another one follows: from it, `pg_receivewal` knows where to go on.
pub(super) fn keep(archive: &Archive, archived: &dyn Fn(&str, u64)) -> Result<(), BackupError> {
    let Some((last, _)) = archive.last_received() else { return Ok(()) };
    for name in sorted(&archive.incoming()) {
        match name.parse() {
            Ok(LogFile::Segment(segment)) if segment != last => take(archive, &name, archived)?,
            Ok(LogFile::History(_)) => take_copy(archive, &name, archived)?,
            _ => {}
        }
    }
    Ok(())
}

/// Archives everything, also the segment that was being received: nothing follows it.
pub(super) fn leave(archive: &Archive) -> Result<(), BackupError> {
    for name in sorted(&archive.incoming()) {
        if name.parse::<LogFile>().is_ok() {
            take(archive, &name, &|_, _| ())?;
        }
    }
    Ok(())
}

fn sorted(dir: &Path) -> Vec<String> {
    let mut names = names(dir);
    names.sort_unstable();
    names
}

fn take(archive: &Archive, name: &str, archived: &dyn Fn(&str, u64)) -> Result<(), BackupError> {
    take_copy(archive, name, archived)?;
    let path = archive.incoming().join(name);
    fs::remove_file(&path).map_err(BackupError::io("cannot remove", &path))
}

fn take_copy(archive: &Archive, name: &str, archived: &dyn Fn(&str, u64)) -> Result<(), BackupError> {
    let path = archive.incoming().join(name);
    let content = fs::read(&path).map_err(BackupError::io("cannot read", &path))?;
    if let Put::New(bytes) = archive.put(name, &content)? {
        archived(name, bytes);
    }
    Ok(())
}
