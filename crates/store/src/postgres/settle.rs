//! Applies workers' reports.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use taskward_core::{AttemptError, Event, LastOutcome, Outcome, TaskId, TaskState, TaskStatus, transition};
use uuid::Uuid;

use super::connection::{Pool, begin, commit, query, query_in, retried, take};
use super::moves::{Decided, Known, apply};
use super::rounds::rounds;
use super::rows;
use crate::{Failure, SettleError, Settled, Settlement, SettlementOutcome, StoreError};

type Answer = Result<Settled, SettleError>;

/// Applies reports. Completions take one statement; everything else, and completions that did not apply,
/// is decided row by row in a transaction.
///
/// Two reports on one task are applied one after the other: the second waits for the next round.
pub(super) async fn settle(
    pool: &Pool,
    errors_kept: usize,
    reports: Vec<Settlement>,
) -> Result<Vec<Answer>, StoreError> {
    let mut answers: Vec<Option<Answer>> = reports.iter().map(|_| None).collect();
    for mut round in rounds(reports.iter().map(|report| report.id)) {
        round.sort_unstable_by_key(|&at| reports[at].id);
        complete(pool, &reports, &round, &mut answers).await?;
        round.retain(|&at| answers[at].is_none());
        if !round.is_empty() {
            let decided = retried(|| decide_all(pool, errors_kept, &reports, &round)).await?;
            for (at, answer) in round.into_iter().zip(decided) {
                answers[at] = Some(answer);
            }
        }
    }
    Ok(answers.into_iter().map(|answer| answer.unwrap_or(Err(SettleError::NotFound))).collect())
}

/// Completes what runs under its lease, and answers that.
async fn complete(
    pool: &Pool,
    reports: &[Settlement],
    round: &[usize],
    answers: &mut [Option<Answer>],
) -> Result<(), StoreError> {
    let mut places = HashMap::with_capacity(round.len());
    let (mut ids, mut leases, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for &at in round {
        if let SettlementOutcome::Completed(result) = &reports[at].outcome {
            places.insert(reports[at].id.0, at);
            ids.push(reports[at].id.0);
            leases.push(reports[at].lease);
            results.push(result.as_ref().map(|json| json.get()));
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    for row in query(pool, include_str!("settle_complete.sql"), &[&ids, &leases, &results]).await? {
        let Some(&at) = places.get(&row.try_get::<_, Uuid>(0)?) else { continue };
        answers[at] = Some(Ok(Settled {
            state: TaskState::Completed,
            queue: row.try_get(1)?,
            kind: row.try_get(2)?,
            attempt: rows::count(row.try_get(3)?)?,
            ran_for: Some(rows::between(row.try_get(4)?, row.try_get(5)?)),
            repeated: false,
            trace_context: rows::optional_named(row.try_get(6)?)?,
        }));
    }
    Ok(())
}

/// Decides reports on different tasks, sorted by id, and applies the decisions.
async fn decide_all(
    pool: &Pool,
    errors_kept: usize,
    reports: &[Settlement],
    round: &[usize],
) -> Result<Vec<Answer>, StoreError> {
    let mut connection = take(pool).await?;
    let transaction = begin(&mut connection).await?;
    let known = read_locked(&transaction, round.iter().map(|&at| reports[at].id.0).collect()).await?;
    let mut moves = Vec::new();
    let mut answers = Vec::with_capacity(round.len());
    for &at in round {
        let report = &reports[at];
        answers.push(match known.get(&report.id) {
            Some(task) => decide(task, report, errors_kept, &mut moves),
            None => Err(SettleError::NotFound),
        });
    }
    apply(&transaction, &moves).await?;
    commit(transaction).await?;
    Ok(answers)
}

/// Unfinished tasks are locked; the others are looked for in history. A task can come back from there in
/// between, so what was in neither is looked for once more.
pub(super) async fn read_locked(
    transaction: &Transaction<'_>,
    ids: Vec<Uuid>,
) -> Result<HashMap<TaskId, Known>, StoreError> {
    let mut known = HashMap::with_capacity(ids.len());
    for sql in [
        include_str!("settle_lock.sql"),
        include_str!("settle_finished.sql"),
        include_str!("settle_lock.sql"),
    ] {
        let missing: Vec<Uuid> = ids.iter().copied().filter(|id| !known.contains_key(&TaskId(*id))).collect();
        if missing.is_empty() {
            break;
        }
        for row in query_in(transaction, sql, &[&missing]).await? {
            let task = Known::from_row(&row)?;
            known.insert(task.id, task);
        }
    }
    Ok(known)
}

fn decide(task: &Known, report: &Settlement, errors_kept: usize, moves: &mut Vec<Decided>) -> Answer {
    let settled = |state, attempt, ran_for, repeated| Settled {
        state,
        queue: task.queue.clone(),
        kind: task.kind.clone(),
        attempt,
        ran_for,
        repeated,
        trace_context: task.trace_context.clone(),
    };
    let status = &task.status;
    match transition(status, &event(report), fastrand::f64()) {
        Ok(Outcome::Moved(to)) => {
            let state = to.state;
            moves.push(Decided {
                id: task.id,
                from: status.state,
                lease: status.lease,
                to,
                errors: errors(task, report, errors_kept),
                result: result(report).map(ToOwned::to_owned),
            });
            Ok(settled(state, status.attempt, task.ran_for(), false))
        }
        Ok(_) if repeats(task, report) => Ok(settled(status.state, settled_attempt(task), None, true)),
        Ok(_) | Err(_) => Err(SettleError::LeaseLost),
    }
}

fn event(report: &Settlement) -> Event {
    let lease = report.lease;
    match &report.outcome {
        SettlementOutcome::Completed(_) => Event::Complete { lease },
        SettlementOutcome::Failed(Failure { retryable, retry_after, .. }) => {
            Event::Fail { lease, retryable: *retryable, retry_after: *retry_after }
        }
        SettlementOutcome::Snoozed(delay) => Event::Snooze { lease, delay: *delay },
        SettlementOutcome::Released => Event::Release { lease },
    }
}

fn result(report: &Settlement) -> Option<&str> {
    match &report.outcome {
        SettlementOutcome::Completed(result) => result.as_ref().map(|json| json.get()),
        _ => None,
    }
}

fn errors(task: &Known, report: &Settlement, kept: usize) -> Vec<AttemptError> {
    let SettlementOutcome::Failed(failure) = &report.outcome else { return task.errors.clone() };
    let error = AttemptError {
        attempt: task.status.attempt,
        at: task.now,
        kind: failure.kind.clone(),
        message: failure.message.clone(),
        trace: failure.trace.clone(),
        worker_id: task.worker_id.clone(),
    };
    task.errors_with(error, kept)
}

/// Whether a report that ended the lease the same way also said the same.
fn repeats(task: &Known, report: &Settlement) -> bool {
    match &report.outcome {
        SettlementOutcome::Completed(_) => task.result.as_deref() == result(report),
        SettlementOutcome::Failed(failure) => task
            .errors
            .last()
            .is_some_and(|last| last.kind == failure.kind && last.message == failure.message),
        SettlementOutcome::Snoozed(_) | SettlementOutcome::Released => true,
    }
}

/// The attempt an earlier report settled. One that was given back is no longer counted.
fn settled_attempt(task: &Known) -> u32 {
    let TaskStatus { state, last_outcome, attempt, .. } = &task.status;
    let given_back = matches!(last_outcome, Some(LastOutcome::Snoozed | LastOutcome::Released));
    if given_back && !state.is_finished() { attempt + 1 } else { *attempt }
}
