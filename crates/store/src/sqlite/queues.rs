//! Queues: how they stand, and pausing them.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use taskward_core::TaskState;

use super::writer::Write;
use super::{claim, clock, counts};
use crate::{QueueSummary, StoreError};

/// Every queue, by name. Counters are read, and one index entry per kind and priority for the oldest task.
pub(super) fn queues(connection: &Connection) -> Result<Vec<QueueSummary>, StoreError> {
    let now = clock::now();
    let counted = counts::read(connection)?;
    let paused = paused(connection)?;
    let names: BTreeSet<&String> = counted.keys().chain(paused.keys()).collect();
    let mut summaries = Vec::with_capacity(names.len());
    for name in names {
        let (created, states) = counted.get(name).copied().unwrap_or_default();
        summaries.push(QueueSummary {
            name: name.clone(),
            paused: paused.get(name).copied().unwrap_or(false),
            scheduled: states[TaskState::Scheduled as usize],
            available: states[TaskState::Available as usize],
            running: states[TaskState::Running as usize],
            completed: states[TaskState::Completed as usize],
            cancelled: states[TaskState::Cancelled as usize],
            dead: states[TaskState::Dead as usize],
            created,
            oldest_available: oldest_available(connection, name)?.map(|run_at| clock::until(run_at, now)),
        });
    }
    Ok(summaries)
}

/// Pauses or resumes a queue, and says whether that changed anything.
pub(super) fn set_paused(write: &mut Write<'_>, queue: &str, paused: bool) -> Result<bool, StoreError> {
    let paused_at = paused.then_some(write.now);
    let changed = write
        .connection
        .prepare_cached(include_str!("set_paused.sql"))?
        .execute((queue, paused, paused_at))?;
    Ok(changed > 0)
}

/// When the task that waits for longest became available.
fn oldest_available(connection: &Connection, queue: &str) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached(include_str!("oldest_available.sql"))?;
    let mut oldest = None;
    for kind in claim::kinds_available(connection, queue)? {
        let run_at: Option<i64> = statement.query_row((queue, kind), |row| row.get(0))?;
        oldest = [oldest, run_at].into_iter().flatten().min();
    }
    Ok(oldest)
}

fn paused(connection: &Connection) -> Result<BTreeMap<String, bool>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT name, paused FROM queues")?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}
