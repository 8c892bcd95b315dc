//! A new epoch of leases, for a database that was restored.

use taskward_core::TaskId;
use tokio_postgres::Row;

use super::facts::patient;
use crate::StoreError;
use crate::census::{Epoch, Interrupted, LEASES_PER_EPOCH};

/// Begins a new epoch in a database that was restored from `backup` and that nobody uses: every lease handed out
/// from now on is greater than any that was handed out before, in the time that was lost included. Leases held at
/// the restored point end, as if their workers had vanished.
///
/// # Errors
/// As [`super::PostgresStore::connect`]. The schema must be current.
pub async fn begin_epoch(url: &str, backup: &str) -> Result<Epoch, StoreError> {
    let mut client = patient(url).await?;
    let transaction = client.transaction().await?;
    let insert = "INSERT INTO epochs (epoch, backup)
        SELECT greatest(coalesce(max(epoch), 0) + 1, (extract(epoch FROM now()) * 1000)::bigint), $1::text FROM epochs
        RETURNING epoch";
    let number: i64 = transaction.query_one(insert, &[&backup]).await?.try_get(0)?;
    // The lease ends before the attempt does, so that this is a lost worker and not a hung one.
    let end = "UPDATE tasks
        SET lease = greatest(lease, $1) + 1, lease_expires_at = started_at, expires_at = started_at
        WHERE state = 'running' RETURNING id, queue, kind, worker_id, attempt, started_at";
    let found = transaction.query(end, &[&(number * LEASES_PER_EPOCH)]).await?;
    let interrupted = found.iter().map(interrupted).collect::<Result<_, _>>()?;
    transaction.commit().await?;
    Ok(Epoch { number, interrupted })
}

/// Removes a finished task that was only made to see whether the database works, and its queue's counters.
///
/// # Errors
/// As [`super::PostgresStore::connect`].
pub async fn forget(url: &str, id: TaskId, queue: &str) -> Result<(), StoreError> {
    let mut client = patient(url).await?;
    let transaction = client.transaction().await?;
    transaction.execute("DELETE FROM history WHERE id = $1", &[&id.0]).await?;
    transaction.execute("DELETE FROM queue_counts WHERE queue = $1", &[&queue]).await?;
    Ok(transaction.commit().await?)
}

fn interrupted(row: &Row) -> Result<Interrupted, StoreError> {
    Ok(Interrupted {
        id: TaskId(row.try_get(0)?),
        queue: row.try_get(1)?,
        kind: row.try_get(2)?,
        worker_id: row.try_get(3)?,
        attempt: row.try_get::<_, i32>(4)?.unsigned_abs(),
        started_at: row.try_get(5)?,
    })
}
