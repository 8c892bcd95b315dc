//! Reading tasks by id.

use rusqlite::{Connection, OptionalExtension as _};
use taskward_core::{Task, TaskId};

use super::rows;
use crate::StoreError;

/// Reads tasks, unfinished or finished, in the order of the ids.
pub(super) fn get(connection: &Connection, ids: &[TaskId]) -> Result<Vec<Option<Task>>, StoreError> {
    let mut unfinished = connection.prepare_cached(include_str!("get_tasks.sql"))?;
    let mut finished = connection.prepare_cached(include_str!("get_history.sql"))?;
    let mut tasks = Vec::with_capacity(ids.len());
    for id in ids {
        let id = (id.0.as_bytes(),);
        let task = match unfinished.query_row(id, rows::task).optional()? {
            Some(task) => Some(task),
            None => finished.query_row(id, rows::task).optional()?,
        };
        tasks.push(task);
    }
    Ok(tasks)
}

/// Reads a task that the transaction has just seen.
pub(super) fn get_known(connection: &Connection, id: TaskId) -> Result<Task, StoreError> {
    let task = get(connection, &[id])?.pop().flatten();
    task.ok_or_else(|| StoreError::Corrupt(format!("task {id} vanished")))
}

/// Whether there is such a task.
pub(super) fn exists(connection: &Connection, id: TaskId) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(include_str!("exists.sql"))?;
    Ok(statement.query_row((id.0.as_bytes(),), |row| row.get(0))?)
}
