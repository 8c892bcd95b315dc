//! What was done since a moment.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use taskward_core::Timestamp;

use crate::StoreError;
use crate::census::Since;

/// Counts what a database has that is later than `moment`. Changes nothing, and leaves the log as it is.
///
/// # Errors
/// As [`super::SqliteStore::open`]; also when there is no database yet.
pub fn since(path: &Path, moment: Timestamp) -> Result<Since, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("PRAGMA query_only = ON; BEGIN")?;
    let count = |sql: &str| -> Result<u64, StoreError> {
        let count: i64 = connection.query_row(sql, [moment.as_microsecond()], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    };
    Ok(Since {
        created: count(
            "SELECT (SELECT count(*) FROM tasks WHERE created_at > ?1)
                  + (SELECT count(*) FROM history WHERE created_at > ?1)",
        )?,
        finished: count("SELECT count(*) FROM history WHERE finished_at > ?1")?,
    })
}
