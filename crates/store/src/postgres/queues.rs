//! Queues and their counters.

use std::time::Duration;

use taskward_core::Timestamp;
use tokio_postgres::Row;

use super::connection::{Pool, Target, query, read_once};
use super::rows;
use crate::{QueueSummary, StoreError};

/// Rows of counters folded in one go.
const FOLDED_MAX: i64 = 20_000;

/// Reads every queue's counters.
pub(super) async fn queues(
    pool: &Pool,
    target: &Target,
    time_limit: Duration,
) -> Result<Vec<QueueSummary>, StoreError> {
    read_once(pool, target, time_limit, include_str!("queues.sql")).await?.iter().map(summary).collect()
}

/// Pauses or resumes a queue, and says whether that changed anything.
pub(super) async fn set_paused(pool: &Pool, queue: &str, paused: bool) -> Result<bool, StoreError> {
    Ok(!query(pool, include_str!("set_paused.sql"), &[&queue, &paused]).await?.is_empty())
}

/// Folds the counters that statements have appended since the last time.
pub(super) async fn roll_up(pool: &Pool) -> Result<(), StoreError> {
    query(pool, include_str!("roll_up.sql"), &[&FOLDED_MAX]).await.map(drop)
}

fn summary(row: &Row) -> Result<QueueSummary, StoreError> {
    let count = |column: usize| row.try_get(column).map(rows::rows);
    let (first, now): (Option<Timestamp>, Timestamp) = (row.try_get(9)?, row.try_get(10)?);
    Ok(QueueSummary {
        name: row.try_get(0)?,
        paused: row.try_get(1)?,
        scheduled: count(2)?,
        available: count(3)?,
        running: count(4)?,
        completed: count(5)?,
        cancelled: count(6)?,
        dead: count(7)?,
        created: count(8)?,
        oldest_available: first.map(|first| rows::between(first, now)),
    })
}
