//! Workers: who asked for tasks, and what they hold.

use std::collections::BTreeMap;
use std::time::Duration;

use taskward_core::TaskId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::{Pool, query, read};
use super::rows;
use super::shapes::array_literal;
use crate::{StoreError, WorkerSeen, WorkerSummary};

/// Running tasks looked at for one answer.
const RUNNING_MAX: i64 = 100_000;

/// Tasks answered per worker.
const HELD_MAX: i32 = 1_000;

/// Notes that workers asked for tasks; of several times, the latest.
pub(super) async fn record(pool: &Pool, seen: Vec<WorkerSeen>) -> Result<(), StoreError> {
    let mut latest: BTreeMap<&str, &WorkerSeen> = BTreeMap::new();
    for worker in &seen {
        let entry = latest.entry(&worker.worker_id).or_insert(worker);
        if worker.ago <= entry.ago {
            *entry = worker;
        }
    }
    if latest.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = latest.keys().copied().collect();
    let instances: Vec<&str> = latest.values().map(|worker| worker.instance.as_str()).collect();
    let ago: Vec<i64> = latest.values().map(|worker| rows::micros(worker.ago)).collect();
    let queues: Vec<String> = latest
        .values()
        .map(|worker| array_literal(&worker.queues).unwrap_or_else(|| "{}".to_owned()))
        .collect();
    query(pool, include_str!("record_workers.sql"), &[&ids, &instances, &ago, &queues]).await.map(drop)
}

/// Reads the workers.
pub(super) async fn workers(
    pool: &Pool,
    time_limit: Duration,
    since: Duration,
) -> Result<Vec<WorkerSummary>, StoreError> {
    let params = (rows::micros(since), RUNNING_MAX, HELD_MAX);
    let found =
        read(pool, time_limit, include_str!("workers.sql"), &[&params.0, &params.1, &params.2]).await?;
    found.iter().map(summary).collect()
}

fn summary(row: &Row) -> Result<WorkerSummary, StoreError> {
    let running: Option<Vec<Uuid>> = row.try_get(4)?;
    Ok(WorkerSummary {
        worker_id: row.try_get(0)?,
        queues: row.try_get::<_, Option<Vec<String>>>(1)?.unwrap_or_default(),
        instance: row.try_get(2)?,
        last_seen_at: row.try_get(3)?,
        running: running.unwrap_or_default().into_iter().map(TaskId).collect(),
    })
}
