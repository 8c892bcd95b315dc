//! Brings dead tasks back.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Transaction;
use taskward_core::{Event, Task, TaskId, transition};
use uuid::Uuid;

use super::cancel::answers;
use super::connection::{Pool, begin, commit, query_in, retried, take};
use super::rounds::{in_order, rounds};
use super::rows;
use super::settle::read_locked;
use crate::{OperateError, StoreError};

type Answer = Result<Task, OperateError>;

/// Brings tasks back, each round in one transaction.
pub(super) async fn retry(pool: &Pool, ids: Vec<TaskId>) -> Result<Vec<Answer>, StoreError> {
    let mut answers = Vec::with_capacity(ids.len());
    for round in rounds(ids.iter().copied()) {
        let round_ids: Vec<TaskId> = round.iter().map(|&position| ids[position]).collect();
        let answered = retried(|| retry_round(pool, &round_ids)).await?;
        answers.extend(round.into_iter().zip(answered));
    }
    Ok(in_order(answers))
}

async fn retry_round(pool: &Pool, ids: &[TaskId]) -> Result<Vec<Answer>, StoreError> {
    let mut connection = take(pool).await?;
    let transaction = begin(&mut connection).await?;
    let found = query_in(&transaction, include_str!("retry.sql"), &[&rows::uuids(ids)]).await?;
    let mut revived = HashSet::with_capacity(found.len());
    for row in &found {
        revived.insert(TaskId(row.try_get(0)?));
    }
    let left: Vec<Uuid> = ids.iter().filter(|id| !revived.contains(id)).map(|id| id.0).collect();
    let reasons = if left.is_empty() { HashMap::new() } else { reasons(&transaction, left).await? };
    let refusal = |id: &TaskId| {
        (!revived.contains(id)).then(|| reasons.get(id).copied().unwrap_or(OperateError::NotFound))
    };
    let answers = answers(&transaction, ids, ids.iter().map(refusal).collect()).await?;
    commit(transaction).await?;
    Ok(answers)
}

/// Why tasks did not come back: their state, or another task with their unique key.
async fn reasons(
    transaction: &Transaction<'_>,
    left: Vec<Uuid>,
) -> Result<HashMap<TaskId, OperateError>, StoreError> {
    let mut reasons = HashMap::with_capacity(left.len());
    for row in query_in(transaction, include_str!("retry_holders.sql"), &[&left]).await? {
        let existing = TaskId(row.try_get(1)?);
        reasons.insert(TaskId(row.try_get(0)?), OperateError::UniqueConflict { existing });
    }
    for (id, task) in read_locked(transaction, left).await? {
        if transition(&task.status, &Event::Retry, 0.0).is_err() {
            reasons.insert(id, OperateError::InvalidState(task.status.state));
        }
    }
    Ok(reasons)
}
