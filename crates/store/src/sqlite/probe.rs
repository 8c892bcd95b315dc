//! Whether the file takes writes.

use std::fs;
use std::path::Path;

use super::writer::Write;
use crate::StoreError;

/// With less room than this the disk counts as full, a little before it is: what is being committed then still
/// finds its place.
const ROOM_MIN: u64 = 1 << 20;
/// A disk that was full counts as full until there is this much.
const ROOM_AGAIN: u64 = 2 * ROOM_MIN;

/// Looks for the file, and for room beside it. `doubtful` asks for more room: something went wrong before.
pub(super) fn look(path: &Path, doubtful: bool) -> Result<(), StoreError> {
    let away = |error: std::io::Error| StoreError::Unavailable(format!("{}: {error}", path.display()).into());
    fs::metadata(path).map_err(away)?;
    let disk = rustix::fs::statvfs(path).map_err(|error| away(error.into()))?;
    // Some file systems do not know how large they are.
    if disk.f_blocks == 0 {
        return Ok(());
    }
    let room = disk.f_bavail.saturating_mul(disk.f_frsize);
    let wanted = if doubtful { ROOM_AGAIN } else { ROOM_MIN };
    if room < wanted {
        return Err(StoreError::ReadOnly(
            format!("{}: the disk is full: {room} bytes are left", path.display()).into(),
        ));
    }
    Ok(())
}

/// Writes something, and takes it back in the same transaction: the log on the disk grows by it all the same.
pub(super) fn write(write: &mut Write<'_>) -> Result<(), StoreError> {
    let insert =
        "INSERT OR REPLACE INTO workers (worker_id, queues, instance, last_seen_at) VALUES ('', '[]', '', 0)";
    write.connection.prepare_cached(insert)?.execute([])?;
    write.connection.prepare_cached("DELETE FROM workers WHERE worker_id = ''")?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_gone_is_no_full_disk() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x.db");
        assert!(matches!(look(&path, false), Err(StoreError::Unavailable(_))));
        fs::write(&path, "").expect("written");
        look(&path, true).expect("room");
    }
}
