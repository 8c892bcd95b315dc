//! Opening the database file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, OpenFlags};

use crate::{HalfSwapped, StoreError, StoreOptions};

/// How the writer's connection is set: see `open_writer`.
pub const DURABILITY: &str = "journal_mode=wal, synchronous=full";

/// Prepared statements kept per connection; more than there are in this module.
const STATEMENTS_KEPT: usize = 64;

/// Statements that were executed, on all connections of this process: like the metrics, it belongs to the process.
static STATEMENTS: AtomicU64 = AtomicU64::new(0);

/// How often a lock that another process holds is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// Opens the one connection that writes, and creates the file and its directories when missing.
pub(super) fn open_writer(path: &Path, options: &StoreOptions) -> Result<Connection, StoreError> {
    if let Some(half) = HalfSwapped::find(path) {
        return Err(StoreError::HalfSwapped(half));
    }
    create_file(path).map_err(|error| refuse_io(path, error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = configure(Connection::open_with_flags(path, flags)?, options)?;
    switch_to_wal(&connection, path, options)?;
    // FULL: a commit is on disk when it returns, also when the machine loses power. The other values bound
    // what the file, its log and the page cache grow to: 4 MiB of cache, a checkpoint each 16 MiB.
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -4096;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    leave_log_alone(&connection, options)?;
    Ok(connection)
}

/// Makes a connection that writes leave the log to whoever archives it.
fn leave_log_alone(connection: &Connection, options: &StoreOptions) -> Result<(), StoreError> {
    if options.log.is_kept() {
        connection.execute_batch("PRAGMA wal_autocheckpoint = 0")?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    }
    Ok(())
}

/// Opens a connection that only reads. The writer has been opened before it.
pub(super) fn open_reader(path: &Path, options: &StoreOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = configure(Connection::open_with_flags(path, flags)?, options)?;
    connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2048;")?;
    Ok(connection)
}

/// Takes the lock that lets one program at a time change the schema or the journal mode. It is advisory, on a
/// file of its own, and ends with the returned value or its process.
pub(super) fn lock(path: &Path, wait: Duration) -> Result<File, StoreError> {
    let lock_path = PathBuf::from(format!("{}.lock", path.display()));
    let file = create_private(&lock_path).map_err(|error| refuse_io(&lock_path, error))?;
    let deadline = Instant::now() + wait;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOCK_RETRY),
            Err(error) => {
                return Err(StoreError::Unavailable(format!("{}: {error}", lock_path.display()).into()));
            }
        }
    }
}

fn configure(mut connection: Connection, options: &StoreOptions) -> Result<Connection, StoreError> {
    connection.busy_timeout(options.connect_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // No plan depends on the values of parameters. Otherwise a statement with `LIMIT ?1` is planned anew for each
    // value, which costs ten times as much as claiming a task.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Called at the end of each statement. The event for its begin would copy the statement's text each time.
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(count))?;
    Ok(connection)
}

fn count(_: TraceEvent<'_>) {
    STATEMENTS.fetch_add(1, Ordering::Relaxed);
}

/// Statements that this process has executed.
pub(super) fn statements() -> u64 {
    STATEMENTS.load(Ordering::Relaxed)
}

/// The journal mode is a property of the file and needs it alone to change, which SQLite does not wait for:
/// the lock makes several starters of a new database wait for the first.
fn switch_to_wal(connection: &Connection, path: &Path, options: &StoreOptions) -> Result<(), StoreError> {
    let mode = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0));
    if mode("PRAGMA journal_mode")? == "wal" {
        return Ok(());
    }
    let _lock = lock(path, options.connect_timeout)?;
    match mode("PRAGMA journal_mode = WAL")?.as_str() {
        "wal" => Ok(()),
        other => Err(StoreError::Rejected(format!("the journal mode is {other}, not wal").into())),
    }
}

fn create_file(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    if path.exists() {
        return Ok(());
    }
    create_private(path).map(drop)
}

/// Only the service's user may read tasks. SQLite gives the log and the shared memory the same mode.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn refuse_io(path: &Path, error: io::Error) -> StoreError {
    let read_only = matches!(
        error.kind(),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::StorageFull | io::ErrorKind::PermissionDenied
    );
    let source = format!("{}: {error}", path.display()).into();
    if read_only { StoreError::ReadOnly(source) } else { StoreError::Unavailable(source) }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn statements_are_prepared_once_whatever_their_parameters() {
        let directory = tempfile::tempdir().expect("a directory");
        let connection = open_writer(&directory.path().join("t.db"), &StoreOptions::default()).expect("open");
        connection.execute_batch("CREATE TABLE t (n INTEGER); CREATE INDEX i ON t (n)").expect("create");
        let mut statement = connection.prepare("SELECT n FROM t ORDER BY n LIMIT ?1").expect("prepare");
        for limit in [1, 1000, 7] {
            statement.query((limit,)).and_then(|mut rows| rows.next().map(drop)).expect("query");
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
