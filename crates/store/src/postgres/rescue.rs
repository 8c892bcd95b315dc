//! Ends leases that expired, and attempts that exceeded their timeout.

use std::time::Duration;

use taskward_core::{AttemptError, Event, Outcome, Timestamp, duration, transition};

use super::connection::{Pool, begin, commit, query, query_in, retried, take};
use super::moves::{Decided, Known, apply};
use super::rows;
use crate::{Rescued, RescuedTask, StoreError, StoreOptions};

/// Ends up to `limit` attempts. A round without work is one statement that reads one index entry.
pub(super) async fn rescue(pool: &Pool, options: &StoreOptions, limit: usize) -> Result<Rescued, StoreError> {
    let next_expiry_in = next(pool).await?;
    if next_expiry_in.is_none_or(|wait| wait > Duration::ZERO) {
        return Ok(Rescued { tasks: Vec::new(), next_expiry_in });
    }
    let tasks = retried(|| rescue_round(pool, options, limit)).await?;
    Ok(Rescued { tasks, next_expiry_in: next(pool).await? })
}

async fn next(pool: &Pool) -> Result<Option<Duration>, StoreError> {
    let found = query(pool, include_str!("rescue_next.sql"), &[]).await?;
    found.first().map(|row| Ok(rows::between(row.try_get(1)?, row.try_get(0)?))).transpose()
}

async fn rescue_round(
    pool: &Pool,
    options: &StoreOptions,
    limit: usize,
) -> Result<Vec<RescuedTask>, StoreError> {
    let mut connection = take(pool).await?;
    let transaction = begin(&mut connection).await?;
    let found = query_in(&transaction, include_str!("rescue_lock.sql"), &[&rows::limit(limit)]).await?;
    let mut moves = Vec::with_capacity(found.len());
    let mut rescued = Vec::with_capacity(found.len());
    for row in &found {
        let task = Known::from_row(row)?;
        let (event, error) = ended(&task, row.try_get(20)?, row.try_get(21)?, options);
        let Ok(Outcome::Moved(to)) = transition(&task.status, &event, fastrand::f64()) else { continue };
        rescued.push(RescuedTask {
            id: task.id,
            queue: task.queue.clone(),
            kind: task.kind.clone(),
            state: to.state,
            error: error.clone(),
            trace_context: task.trace_context.clone(),
        });
        moves.push(Decided {
            id: task.id,
            from: task.status.state,
            lease: task.status.lease,
            to,
            errors: task.errors_with(error, options.limits.errors_kept),
            result: None,
        });
    }
    apply(&transaction, &moves).await?;
    commit(transaction).await?;
    Ok(rescued)
}

/// What ended first, the lease or the time of the attempt, and how that is recorded.
fn ended(
    task: &Known,
    lease_expires_at: Timestamp,
    deadline_at: Timestamp,
    options: &StoreOptions,
) -> (Event, AttemptError) {
    let worker = task.worker_id.as_deref().unwrap_or("unknown");
    let attempt = task.status.attempt;
    let (event, kind, message) = if deadline_at <= lease_expires_at {
        let timeout = task.started_at.map_or(Duration::ZERO, |begun| rows::between(begun, deadline_at));
        let timeout = duration::format(timeout);
        (Event::TimeOut, "timeout", format!("attempt {attempt} ran longer than its timeout of {timeout}"))
    } else {
        (
            Event::Expire { crashes_max: options.limits.crashes_max },
            "lease_expired",
            format!("worker {worker} did not extend the lease of attempt {attempt} in time"),
        )
    };
    let error = AttemptError {
        attempt,
        at: task.now,
        kind: kind.to_owned(),
        message,
        trace: None,
        worker_id: task.worker_id.clone(),
    };
    (event, error)
}
