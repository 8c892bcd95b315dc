//! Reading tasks by id.

use rusqlite::{Connection, OptionalExtension as _};
use taskward_core::{Task, TaskId};

use super::rows;
use crate::StoreError;

/// Reads tasks, unfinished or finished, in the order of the ids.
pub(super) fn get(connection: &Connection, ids: &[TaskId]) -> Result<Vec<Option<Task>>, StoreError> {
    ids.iter().map(|id| get_one(connection, *id)).collect()
}

/// Reads one task.
pub(super) fn get_one(connection: &Connection, id: TaskId) -> Result<Option<Task>, StoreError> {
    for sql in [include_str!("get_tasks.sql"), include_str!("get_history.sql")] {
        let found = connection.prepare_cached(sql)?.query_row((id.0.as_bytes(),), rows::task).optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Reads a task that the transaction has just seen.
pub(super) fn get_known(connection: &Connection, id: TaskId) -> Result<Task, StoreError> {
    get_one(connection, id)?.ok_or_else(|| StoreError::Corrupt(format!("task {id} vanished")))
}

/// Whether there is such a task.
pub(super) fn exists(connection: &Connection, id: TaskId) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(include_str!("exists.sql"))?;
    Ok(statement.query_row((id.0.as_bytes(),), |row| row.get(0))?)
}
