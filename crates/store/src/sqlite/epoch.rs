//! A new epoch of leases, for a database that was restored.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use taskward_core::TaskId;

use super::{clock, connection, rows};
use crate::census::{Epoch, Interrupted, LEASES_PER_EPOCH};
use crate::{StoreError, StoreOptions};

const MICROS_PER_MILLI: i64 = 1_000;

/// Begins a new epoch in a database that was restored from `backup` and that nobody uses: every lease handed out
/// from now on is greater than any that was handed out before, in the time that was lost included. Leases held at
/// the restored point end, as if their workers had vanished.
///
/// # Errors
/// As [`super::SqliteStore::open`]. The schema must be current.
pub fn begin_epoch(path: &Path, backup: &str) -> Result<Epoch, StoreError> {
    let mut connection = connection::open_writer(path, &StoreOptions::default())?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let last: i64 =
        transaction.query_row("SELECT coalesce(max(epoch), 0) FROM epochs", [], |row| row.get(0))?;
    let now = clock::now();
    let number = (last + 1).max(now / MICROS_PER_MILLI);
    let epoch = Epoch { number, interrupted: running(&transaction)? };
    transaction.execute(
        "INSERT INTO epochs (epoch, backup, began_at) VALUES (?1, ?2, ?3)",
        (epoch.number, backup, now),
    )?;
    // The lease ends before the attempt does, so that this is a lost worker and not a hung one.
    transaction.execute(
        "UPDATE tasks SET lease = max(lease, ?1) + 1, lease_expires_at = started_at, expires_at = started_at
         WHERE state = 'running'",
        (epoch.number * LEASES_PER_EPOCH,),
    )?;
    transaction.commit()?;
    Ok(epoch)
}

/// Removes a finished task that was only made to see whether the database works, and its queue's counters.
///
/// # Errors
/// As [`super::SqliteStore::open`].
pub fn forget(path: &Path, id: TaskId, queue: &str) -> Result<(), StoreError> {
    let mut connection = connection::open_writer(path, &StoreOptions::default())?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute("DELETE FROM history WHERE id = ?1", (id.0.as_bytes(),))?;
    transaction.execute("DELETE FROM queue_counts WHERE queue = ?1", (queue,))?;
    Ok(transaction.commit()?)
}

fn running(connection: &Connection) -> Result<Vec<Interrupted>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT id, queue, kind, worker_id, attempt, started_at FROM tasks INDEXED BY tasks_expiry
         WHERE state = 'running' ORDER BY expires_at",
    )?;
    let found = statement.query_map([], |row| {
        Ok(Interrupted {
            id: rows::id(row, 0)?,
            queue: row.get(1)?,
            kind: row.get(2)?,
            worker_id: row.get(3)?,
            attempt: row.get(4)?,
            started_at: rows::optional_timestamp(row, 5)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}
