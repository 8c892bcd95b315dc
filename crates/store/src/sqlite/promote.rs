//! Making tasks available whose time has come.

use std::collections::BTreeMap;

use taskward_core::TaskState;

use super::writer::Write;
use super::{clock, values};
use crate::{Promoted, StoreError};

/// Promotes up to `limit` tasks, the longest due first. They keep their `run_at`, and so their place.
pub(super) fn promote_due(write: &mut Write<'_>, limit: usize) -> Result<Promoted, StoreError> {
    let mut promoted = BTreeMap::<String, i64>::new();
    let mut statement = write.connection.prepare_cached(include_str!("promote.sql"))?;
    let mut rows = statement.query((write.now, values::limit(limit)))?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        *promoted.entry(row.get(0)?).or_default() += 1;
        count += 1;
    }
    for (queue, tasks) in &promoted {
        write.counts.moved(queue, TaskState::Scheduled, TaskState::Available, *tasks);
    }
    let next = "SELECT min(run_at) FROM tasks INDEXED BY tasks_due WHERE state = 'scheduled'";
    let next: Option<i64> = write.connection.prepare_cached(next)?.query_row([], |row| row.get(0))?;
    Ok(Promoted {
        count,
        queues: promoted.into_keys().collect(),
        next_due_in: next.map(|run_at| clock::until(write.now, run_at)),
    })
}
