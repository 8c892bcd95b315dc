//! Who else has a database file open.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};

/// Where SQLite's locks on a file are, from its `PENDING_BYTE` on: whoever has a file open whose journal mode is WAL holds
/// a shared lock on the last 510 of these bytes for as long.
const LOCKS: (u64, u64) = (0x4000_0000, 512);

/// Says which other process has the file open. Must not be called while this process has: closing the file again would
/// end its locks.
pub(super) fn other_user(path: &Path) -> io::Result<Option<String>> {
    let file = File::open(path)?;
    let (start, length) = LOCKS;
    let wanted =
        Flock { start, length, pid: None, typ: FlockType::WriteLock, offset_type: FlockOffsetType::Set };
    let held = fcntl_getlk(&file, &wanted)?;
    Ok(held.map(|held| match held.pid {
        Some(pid) => format!("process {}", pid.as_raw_nonzero()),
        // Of another container, or another machine.
        None => "another process".to_owned(),
    }))
}
