//! Ending attempts whose worker is gone, and attempts that run for too long.

use std::time::Duration;

use taskward_core::{AttemptError, Event, Outcome, duration, transition};

use super::status::{Report, Statements, Status};
use super::writer::Write;
use super::{clock, rows, values};
use crate::{Rescued, RescuedTask, StoreError};

/// A running task that is past one of its two ends.
struct Lost {
    status: Status,
    /// The attempt's own end came first, not the lease's.
    timed_out: bool,
    timeout: Duration,
}

/// Ends up to `limit` attempts, those that are over for longest first.
pub(super) fn rescue_expired(write: &mut Write<'_>, limit: usize) -> Result<Rescued, StoreError> {
    let mut statements = Statements::prepare(write.connection)?;
    let mut tasks = Vec::new();
    for lost in find_lost(write, limit)? {
        tasks.extend(rescue(write, &mut statements, lost)?);
    }
    let next = "SELECT min(expires_at) FROM tasks INDEXED BY tasks_expiry WHERE state = 'running'";
    let next: Option<i64> = write.connection.prepare_cached(next)?.query_row([], |row| row.get(0))?;
    Ok(Rescued { tasks, next_expiry_in: next.map(|expires_at| clock::until(write.now, expires_at)) })
}

fn find_lost(write: &Write<'_>, limit: usize) -> Result<Vec<Lost>, StoreError> {
    let mut statement = write.connection.prepare_cached(include_str!("rescue.sql"))?;
    let found = statement.query_map((write.now, values::limit(limit)), |row| {
        Ok(Lost { status: Status::from_row(row)?, timed_out: row.get(20)?, timeout: rows::millis(row, 21)? })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn rescue(
    write: &mut Write<'_>,
    statements: &mut Statements<'_>,
    lost: Lost,
) -> Result<Option<RescuedTask>, StoreError> {
    let crashes_max = write.options.limits.crashes_max;
    let event = if lost.timed_out { Event::TimeOut } else { Event::Expire { crashes_max } };
    let error = error(write.now, &lost)?;
    let Ok(Outcome::Moved(to)) = transition(&lost.status.task, &event, fastrand::f64()) else {
        return Ok(None);
    };
    statements.apply(write, &lost.status, &to, &Report { error: Some(&error), result: None })?;
    let Status { id, queue, kind, trace_context, .. } = lost.status;
    Ok(Some(RescuedTask { id, queue, kind, state: to.state, error, trace_context }))
}

fn error(now: i64, lost: &Lost) -> Result<AttemptError, StoreError> {
    let attempt = lost.status.task.attempt;
    let worker_id = lost.status.worker_id.clone();
    let (kind, message) = if lost.timed_out {
        let timeout = duration::format(lost.timeout);
        ("timeout", format!("attempt {attempt} ran longer than its timeout of {timeout}"))
    } else {
        let worker = worker_id.as_deref().unwrap_or_default();
        ("lease_expired", format!("worker {worker} did not extend the lease of attempt {attempt} in time"))
    };
    Ok(AttemptError {
        attempt,
        at: values::moment(now)?,
        kind: kind.to_owned(),
        message,
        trace: None,
        worker_id,
    })
}
