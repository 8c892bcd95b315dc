//! Withdraws tasks.

use deadpool_postgres::Transaction;
use taskward_core::{Event, Outcome, Task, TaskId, transition};
use uuid::Uuid;

use super::connection::{Pool, begin, commit, query_in, retried, take};
use super::moves::{Decided, apply};
use super::rounds::{in_order, rounds};
use super::settle::read_locked;
use super::{get, rows};
use crate::{OperateError, StoreError};

type Answer = Result<Task, OperateError>;

/// Withdraws tasks, each round in one transaction. An id that is named twice is withdrawn twice.
pub(super) async fn cancel(pool: &Pool, ids: Vec<TaskId>) -> Result<Vec<Answer>, StoreError> {
    let mut answers = Vec::with_capacity(ids.len());
    for round in rounds(ids.iter().copied()) {
        let round_ids: Vec<TaskId> = round.iter().map(|&position| ids[position]).collect();
        let answered = retried(|| cancel_round(pool, &round_ids)).await?;
        answers.extend(round.into_iter().zip(answered));
    }
    Ok(in_order(answers))
}

async fn cancel_round(pool: &Pool, ids: &[TaskId]) -> Result<Vec<Answer>, StoreError> {
    let mut connection = take(pool).await?;
    let transaction = begin(&mut connection).await?;
    let known = read_locked(&transaction, rows::uuids(ids)).await?;
    let mut moves = Vec::new();
    let mut asked: Vec<Uuid> = Vec::new();
    let mut refused = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(task) = known.get(id) else {
            refused.push(Some(OperateError::NotFound));
            continue;
        };
        match transition(&task.status, &Event::Cancel, 0.0) {
            Ok(Outcome::Moved(to)) => moves.push(Decided {
                id: *id,
                from: task.status.state,
                lease: task.status.lease,
                to,
                errors: task.errors.clone(),
                result: None,
            }),
            Ok(Outcome::CancelRequested) => asked.push(id.0),
            Ok(_) => {}
            Err(_) => {
                refused.push(Some(OperateError::InvalidState(task.status.state)));
                continue;
            }
        }
        refused.push(None);
    }
    apply(&transaction, &moves).await?;
    if !asked.is_empty() {
        query_in(&transaction, include_str!("cancel.sql"), &[&asked]).await?;
    }
    let answers = answers(&transaction, ids, refused).await?;
    commit(transaction).await?;
    Ok(answers)
}

/// The tasks as they are now, or why nothing was done.
pub(super) async fn answers(
    transaction: &Transaction<'_>,
    ids: &[TaskId],
    refused: Vec<Option<OperateError>>,
) -> Result<Vec<Answer>, StoreError> {
    let mut tasks = get::get_in(transaction, ids).await?;
    let answer = |(id, refused): (&TaskId, Option<OperateError>)| match refused {
        Some(error) => Err(error),
        None => tasks.remove(id).ok_or(OperateError::NotFound),
    };
    Ok(ids.iter().zip(refused).map(answer).collect())
}
