//! Reads tasks by id.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use taskward_core::{Task, TaskId};
use tokio_postgres::Row;

use super::connection::{Pool, query, query_in};
use super::rows;
use crate::StoreError;

/// Reads tasks, in the order of the ids.
pub(super) async fn get(pool: &Pool, ids: Vec<TaskId>) -> Result<Vec<Option<Task>>, StoreError> {
    let found = by_id(&query(pool, include_str!("get.sql"), &[&rows::uuids(&ids)]).await?)?;
    Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
}

/// Reads tasks as a transaction sees them.
pub(super) async fn get_in(
    transaction: &Transaction<'_>,
    ids: &[TaskId],
) -> Result<HashMap<TaskId, Task>, StoreError> {
    by_id(&query_in(transaction, include_str!("get.sql"), &[&rows::uuids(ids)]).await?)
}

fn by_id(found: &[Row]) -> Result<HashMap<TaskId, Task>, StoreError> {
    found.iter().map(rows::task).map(|task| task.map(|task| (task.id, task))).collect()
}
