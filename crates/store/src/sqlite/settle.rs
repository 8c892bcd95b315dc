//! Workers' reports on the tasks they hold.

use taskward_core::{AttemptError, Event, Outcome, Refusal, transition};

use super::clock;
use super::status::{Report, Statements, Status};
use super::values::moment;
use super::writer::Write;
use crate::{Failure, SettleError, Settled, Settlement, SettlementOutcome, StoreError};

type Item = Result<Settled, SettleError>;

/// Applies reports one after the other, so that a second one on the same task sees the first.
pub(super) fn settle(write: &mut Write<'_>, reports: &[Settlement]) -> Result<Vec<Item>, StoreError> {
    let mut statements = Statements::prepare(write.connection)?;
    reports.iter().map(|report| settle_one(write, &mut statements, report)).collect()
}

fn settle_one(
    write: &mut Write<'_>,
    statements: &mut Statements<'_>,
    report: &Settlement,
) -> Result<Item, StoreError> {
    let Some(found) = statements.find(report.id)? else {
        return Ok(Err(SettleError::NotFound));
    };
    match transition(&found.task, &event(report), fastrand::f64()) {
        Ok(Outcome::Moved(to)) => {
            let error = attempt_error(write.now, &found, &report.outcome)?;
            let attached = Report { error: error.as_ref(), result: result(&report.outcome) };
            statements.apply(write, &found, &to, &attached)?;
            let ran_for = found.started_at.map(|started_at| clock::until(started_at, write.now));
            Ok(Ok(Settled {
                state: to.state,
                attempt: found.task.attempt,
                queue: found.queue,
                kind: found.kind,
                ran_for,
                repeated: false,
                trace_context: found.trace_context,
            }))
        }
        Ok(_) if repeats(&found, &report.outcome)? => Ok(Ok(Settled {
            state: found.task.state,
            attempt: found.task.attempt,
            queue: found.queue,
            kind: found.kind,
            ran_for: None,
            repeated: true,
            trace_context: found.trace_context,
        })),
        Ok(_) | Err(Refusal::LeaseLost | Refusal::InvalidState(_)) => Ok(Err(SettleError::LeaseLost)),
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

fn result(outcome: &SettlementOutcome) -> Option<&str> {
    match outcome {
        SettlementOutcome::Completed(result) => result.as_ref().map(|json| json.get()),
        _ => None,
    }
}

/// The entry a failed attempt leaves behind.
fn attempt_error(
    now: i64,
    found: &Status,
    outcome: &SettlementOutcome,
) -> Result<Option<AttemptError>, StoreError> {
    let SettlementOutcome::Failed(failure) = outcome else { return Ok(None) };
    Ok(Some(AttemptError {
        attempt: found.task.attempt,
        at: moment(now)?,
        kind: failure.kind.clone(),
        message: failure.message.clone(),
        trace: failure.trace.clone(),
        worker_id: found.worker_id.clone(),
    }))
}

/// Whether a report of the same lease and kind also says the same.
fn repeats(found: &Status, outcome: &SettlementOutcome) -> Result<bool, StoreError> {
    Ok(match outcome {
        SettlementOutcome::Completed(_) => found.result.as_deref() == result(outcome),
        SettlementOutcome::Failed(failure) => found
            .parsed_errors()?
            .last()
            .is_some_and(|last| last.kind == failure.kind && last.message == failure.message),
        SettlementOutcome::Snoozed(_) | SettlementOutcome::Released => true,
    })
}
