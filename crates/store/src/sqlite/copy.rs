//! A copy of the database while others use it.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::connection::create_private;
use crate::StoreError;

/// Pages copied between two looks at how far it is: 4 MiB.
const PAGES_PER_STEP: i32 = 1024;

/// How long to wait for a lock that somebody holds for a moment.
const BUSY: Duration = Duration::from_secs(10);

/// Copies a database file, as of the moment the copying begins, whoever writes meanwhile. The copy is one file
/// that needs no log beside it. `fixed` is called when that moment is over and nothing is copied yet. `progress` hears of bytes done and of all, and may
/// take its time. It is not flushed to the disk.
///
/// The steps read one snapshot: without that, a copy of a busy database would begin again with each commit.
///
/// # Errors
/// As [`super::SqliteStore::open`]; [`StoreError::ReadOnly`] also when the copy does not fit on its disk.
pub fn copy(
    from: &Path,
    to: &Path,
    fixed: &mut dyn FnMut(),
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags)?;
    source.busy_timeout(BUSY)?;
    // It only reads: the log is somebody else's to move, also when this is the last connection to close.
    source.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    source.execute_batch("PRAGMA query_only = ON; BEGIN")?;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    fixed();
    let page: i64 = source.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    create_private(to).map_err(|error| StoreError::ReadOnly(error.into()))?;
    let mut target = Connection::open_with_flags(to, flags)?;
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
    {
        let backup = Backup::new(&source, &mut target)?;
        loop {
            let step = backup.step(PAGES_PER_STEP)?;
            let pages = backup.progress();
            let bytes = |pages: i32| u64::from(pages.unsigned_abs()) * page.unsigned_abs();
            progress(bytes(pages.pagecount - pages.remaining), bytes(pages.pagecount));
            match step {
                StepResult::Done => break,
                StepResult::Busy | StepResult::Locked => thread::sleep(Duration::from_millis(10)),
                _ => {}
            }
        }
    }
    drop(target);
    // The copy says of itself that it has a log. Opened anew it can be told that it has none.
    let target = Connection::open_with_flags(to, flags)?;
    let mode: String = target.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    if mode != "delete" {
        return Err(StoreError::Rejected(format!("the copy's journal mode is {mode}").into()));
    }
    target.close().map_err(|(_, error)| error.into())
}
