//! Removes what is old enough: history, idempotency keys, workers; and folds the counters.

use std::time::Duration;

use taskward_core::Timestamp;
use tokio_postgres::Client;

use super::connection::{Pool, Target, query};
use super::{partitions, queues, rows};
use crate::{Pruned, StoreError, StoreOptions};

/// Partitions are a day wide, and a day that has begun to be too old is dropped when all of it is. With a
/// retention shorter than this, that day would be a large part of it: then its rows are deleted one by one.
const PATIENT_RETENTION: Duration = Duration::from_secs(2 * 24 * 3600);

/// Workers are remembered at least this long.
const WORKERS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Removes what is older than `retention`.
pub(super) async fn prune(
    pool: &Pool,
    target: &Target,
    options: &StoreOptions,
    retention: Duration,
    limit: usize,
) -> Result<Pruned, StoreError> {
    let (partitions, tasks) = prune_history(target, retention, limit).await?;
    let window = rows::micros(options.idempotency_window);
    let removed = query(pool, include_str!("prune_keys.sql"), &[&window, &rows::limit(limit)]).await?;
    let idempotency_keys = removed.first().map_or(Ok(0), |row| row.try_get(0).map(rows::rows))?;
    let kept = rows::micros(retention.max(WORKERS_KEPT));
    query(pool, include_str!("prune_workers.sql"), &[&kept, &rows::limit(limit)]).await?;
    queues::roll_up(pool).await?;
    Ok(Pruned { tasks, partitions, idempotency_keys })
}

/// Drops partitions, and deletes rows where that is not possible. On a connection of its own, since a
/// block range index can only be read by a bitmap scan, which the pool's sessions do not use.
async fn prune_history(target: &Target, retention: Duration, limit: usize) -> Result<(u64, u64), StoreError> {
    let mut client = target.connect().await?;
    if !partitions::lock_pruning(&client).await? {
        return Ok((0, 0));
    }
    let pruned = prune_locked(&mut client, retention, limit).await;
    // The connection's end would do, but a moment later than the next round may begin.
    partitions::unlock_pruning(&client).await?;
    pruned
}

async fn prune_locked(
    client: &mut Client,
    retention: Duration,
    limit: usize,
) -> Result<(u64, u64), StoreError> {
    client.batch_execute("SET enable_bitmapscan = on; SET plan_cache_mode = auto").await?;
    partitions::create_ahead(client).await?;
    let sql = "SELECT now() - $1::bigint * interval '1 microsecond'";
    let cutoff: Timestamp = client.query_one(sql, &[&rows::micros(retention)]).await?.try_get(0)?;
    let mut dropped = 0;
    let mut by_row = vec!["history_default".to_owned()];
    for partition in partitions::list(client, cutoff).await? {
        if partition.is_past {
            if partitions::drop_if_old(client, &partition.name, cutoff).await? {
                dropped += 1;
            } else {
                by_row.push(partition.name);
            }
        } else if partition.is_reached && retention < PATIENT_RETENTION {
            by_row.push(partition.name);
        }
    }
    let mut deleted = 0;
    for partition in by_row {
        let left = rows::limit(limit).saturating_sub(i64::try_from(deleted).unwrap_or(i64::MAX));
        deleted += delete(client, &partition, cutoff, left).await?;
    }
    Ok((dropped, deleted))
}

/// Deletes up to `limit` rows of a partition. Rows that somebody else has locked are skipped.
async fn delete(client: &Client, partition: &str, cutoff: Timestamp, limit: i64) -> Result<u64, StoreError> {
    let sql = format!(
        "DELETE FROM {partition} WHERE id = ANY (ARRAY (
            SELECT id FROM {partition} WHERE finished_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))"
    );
    match client.execute(&sql, &[&cutoff, &limit.max(0)]).await {
        Err(error) if partitions::is_gone(&error) => Ok(0),
        deleted => Ok(deleted?),
    }
}
