//! What `pg_receivewal` has written: closed segments are archived, and then go.

use std::fs;
use std::path::Path;

use super::archive::{Archive, PARTIAL, Put, has_come, names};
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

/// Archives everything, also the segment that was being received, if anything has come of it: nothing follows it.
pub(super) fn leave(archive: &Archive) -> Result<(), BackupError> {
    for name in sorted(&archive.incoming()) {
        let Ok(kind) = name.parse::<LogFile>() else { continue };
        let path = archive.incoming().join(&name);
        let is_partial = matches!(kind, LogFile::Partial(_));
        if is_partial && fs::read(&path).is_ok_and(|content| !has_come(&content)) {
            remove(&path)?;
        } else {
            take(archive, &name, &|_, _| ())?;
        }
    }
    Ok(())
}

/// Removes the file that `pg_receivewal` had no room to fill: it takes the room that others need, and one that is too short
/// keeps `pg_receivewal` from going on. Answers whether there was one.
pub(super) fn discard_unmade(archive: &Archive, segment_bytes: u64) -> Result<bool, BackupError> {
    let Some(segment) = archive.unmade(segment_bytes) else { return Ok(false) };
    remove(&archive.incoming().join(format!("{segment}{PARTIAL}")))?;
    Ok(true)
}

fn sorted(dir: &Path) -> Vec<String> {
    let mut names = names(dir);
    names.sort_unstable();
    names
}

fn take(archive: &Archive, name: &str, archived: &dyn Fn(&str, u64)) -> Result<(), BackupError> {
    take_copy(archive, name, archived)?;
    remove(&archive.incoming().join(name))
}

fn remove(path: &Path) -> Result<(), BackupError> {
    fs::remove_file(path).map_err(BackupError::io("cannot remove", path))
}

fn take_copy(archive: &Archive, name: &str, archived: &dyn Fn(&str, u64)) -> Result<(), BackupError> {
    let path = archive.incoming().join(name);
    let content = fs::read(&path).map_err(BackupError::io("cannot read", &path))?;
    if let Put::New(bytes) = archive.put(name, &content)? {
        archived(name, bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a disk without room leaves when a segment is begun, and what it must not be taken for.
    #[test]
    fn a_segment_that_found_no_room_is_discarded_and_one_that_came_is_not() {
        const SEGMENT: usize = 1 << 20;
        let backups = tempfile::tempdir().expect("a directory");
        let archive = Archive::new(backups.path());
        fs::create_dir_all(archive.incoming()).expect("a directory");
        let path = archive.incoming().join("000000010000000000000007.partial");
        for (length, first, is_unmade) in
            [(0, 0, true), (SEGMENT / 2, 0, true), (SEGMENT, 0, false), (SEGMENT / 2, 1, false)]
        {
            let mut content = vec![0; length];
            content.iter_mut().take(1).for_each(|byte| *byte = first);
            fs::write(&path, content).expect("written");
            assert_eq!(archive.unmade(SEGMENT as u64).is_some(), is_unmade, "{length} bytes, {first}");
            assert_eq!(discard_unmade(&archive, SEGMENT as u64).expect("looked at"), is_unmade);
            assert_eq!(path.exists(), !is_unmade);
        }
        fs::write(&path, vec![0; SEGMENT]).expect("written");
        leave(&archive).expect("left");
        assert_eq!(archive.segments(), [], "nothing had come of it");
    }
}
