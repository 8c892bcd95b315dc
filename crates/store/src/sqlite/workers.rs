//! Who works: what workers asked for, and what they hold.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::Connection;
use taskward_core::TaskId;

use super::writer::Write;
use super::{clock, rows, values};
use crate::{StoreError, WorkerSeen, WorkerSummary};

/// Tasks named per worker.
const TASKS_NAMED: usize = 1000;

/// Records that workers asked for tasks.
pub(super) fn record(write: &mut Write<'_>, seen: &[WorkerSeen]) -> Result<(), StoreError> {
    let mut statement = write.connection.prepare_cached(include_str!("record_workers.sql"))?;
    for worker in seen {
        let queues = values::json_list(&worker.queues);
        let last_seen_at = clock::before(write.now, worker.ago);
        statement.execute((&worker.worker_id, queues, &worker.instance, last_seen_at))?;
    }
    Ok(())
}

/// Workers seen within `since`, and those that hold tasks; by id.
pub(super) fn workers(connection: &Connection, since: Duration) -> Result<Vec<WorkerSummary>, StoreError> {
    let mut running = running(connection)?;
    let mut workers = Vec::new();
    let since = clock::before(clock::now(), since);
    let mut statement = connection.prepare_cached(include_str!("workers.sql"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let worker_id: String = row.get(0)?;
        let held = running.remove(&worker_id);
        if held.is_some() || row.get::<_, i64>(3)? >= since {
            workers.push(WorkerSummary {
                worker_id,
                queues: rows::texts(row, 1)?,
                instance: Some(row.get(2)?),
                last_seen_at: Some(rows::timestamp(row, 3)?),
                running: held.unwrap_or_default(),
            });
        }
    }
    workers.extend(running.into_iter().map(|(worker_id, running)| unrecorded(worker_id, running)));
    workers.sort_unstable_by(|a, b| a.worker_id.cmp(&b.worker_id));
    Ok(workers)
}

/// Running tasks by worker, oldest lease first.
fn running(connection: &Connection) -> Result<BTreeMap<String, Vec<TaskId>>, StoreError> {
    let mut held = BTreeMap::<String, Vec<TaskId>>::new();
    let mut statement = connection.prepare_cached(include_str!("workers_running.sql"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let tasks = held.entry(row.get(0)?).or_default();
        if tasks.len() < TASKS_NAMED {
            tasks.push(rows::id(row, 1)?);
        }
    }
    Ok(held)
}

fn unrecorded(worker_id: String, running: Vec<TaskId>) -> WorkerSummary {
    WorkerSummary { worker_id, queues: Vec::new(), instance: None, last_seen_at: None, running }
}
