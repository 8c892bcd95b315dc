//! Applies what the state machine decided about tasks that are locked by the transaction.

use std::time::Duration;

use deadpool_postgres::Transaction;
use taskward_core::transition::Move;
use taskward_core::{
    AttemptError, DeadReason, LastOutcome, TaskId, TaskState, TaskStatus, Timestamp, TraceContext,
};
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::query_in;
use super::error::corrupt;
use super::rows;
use crate::StoreError;

/// A task as a decision sees it, with what is needed to report and record the decision.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) id: TaskId,
    pub(super) queue: String,
    pub(super) kind: String,
    pub(super) status: TaskStatus,
    pub(super) worker_id: Option<String>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) errors: Vec<AttemptError>,
    pub(super) result: Option<String>,
    /// The time of the transaction that read it.
    pub(super) now: Timestamp,
    pub(super) trace_context: Option<TraceContext>,
}

impl Known {
    /// Reads a row of settle_lock.sql, settle_finished.sql or rescue_lock.sql.
    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: TaskId(row.try_get(0)?),
            queue: row.try_get(1)?,
            kind: row.try_get(2)?,
            status: TaskStatus {
                state: rows::named(row.try_get(3)?)?,
                lease: row.try_get(4)?,
                last_outcome: rows::optional_named(row.try_get(5)?)?,
                attempt: rows::count(row.try_get(6)?)?,
                max_attempts: rows::count(row.try_get(7)?)?,
                crashes: rows::count(row.try_get(8)?)?,
                cancel_requested: row.try_get(9)?,
                retry: rows::retry(row, 10)?,
            },
            worker_id: row.try_get(14)?,
            started_at: row.try_get(15)?,
            errors: rows::errors(row.try_get(16)?)?,
            result: row.try_get(17)?,
            now: row.try_get(18)?,
            trace_context: rows::optional_named(row.try_get(19)?)?,
        })
    }

    /// How long the attempt has been running.
    pub(super) fn ran_for(&self) -> Option<Duration> {
        self.started_at.map(|started_at| rows::between(started_at, self.now))
    }

    /// Its errors with one more, the oldest dropped beyond `kept`.
    pub(super) fn errors_with(&self, error: AttemptError, kept: usize) -> Vec<AttemptError> {
        let mut errors = self.errors.clone();
        errors.push(error);
        errors.drain(..errors.len().saturating_sub(kept));
        errors
    }
}

/// A decision to be applied to a task.
#[derive(Debug, Clone)]
pub(super) struct Decided {
    pub(super) id: TaskId,
    /// The state it is in.
    pub(super) from: TaskState,
    /// The lease it is under.
    pub(super) lease: i64,
    pub(super) to: Move,
    pub(super) errors: Vec<AttemptError>,
    pub(super) result: Option<String>,
}

/// Applies decisions, in at most two statements. The tasks are locked in the states they were decided in,
/// so a decision that does not apply means that the database is not what it says.
pub(super) async fn apply(transaction: &Transaction<'_>, moves: &[Decided]) -> Result<(), StoreError> {
    let (finished, unfinished): (Vec<&Decided>, Vec<&Decided>) =
        moves.iter().partition(|decided| decided.to.state.is_finished());
    let applied = finish(transaction, &finished).await? + put_back(transaction, &unfinished).await?;
    if applied != moves.len() {
        return Err(corrupt("a locked task changed"));
    }
    Ok(())
}

async fn put_back(transaction: &Transaction<'_>, moves: &[&Decided]) -> Result<usize, StoreError> {
    if moves.is_empty() {
        return Ok(0);
    }
    let states: Vec<&str> = moves.iter().map(|decided| decided.to.state.as_str()).collect();
    let delays: Vec<i64> = moves.iter().map(|decided| rows::micros(decided.to.delay)).collect();
    let attempts: Vec<i32> = moves.iter().map(|decided| signed(decided.to.attempt)).collect();
    let sql = include_str!("move_back.sql");
    let found = query_in(
        transaction,
        sql,
        &[
            &ids(moves),
            &leases(moves),
            &states,
            &delays,
            &attempts,
            &crashes(moves),
            &outcomes(moves),
            &errors(moves)?,
        ],
    )
    .await?;
    counted(&found)
}

async fn finish(transaction: &Transaction<'_>, moves: &[&Decided]) -> Result<usize, StoreError> {
    if moves.is_empty() {
        return Ok(0);
    }
    let from: Vec<&str> = moves.iter().map(|decided| decided.from.as_str()).collect();
    let to: Vec<&str> = moves.iter().map(|decided| decided.to.state.as_str()).collect();
    let reasons: Vec<Option<&str>> =
        moves.iter().map(|decided| decided.to.dead_reason.map(DeadReason::as_str)).collect();
    let results: Vec<Option<&str>> = moves.iter().map(|decided| decided.result.as_deref()).collect();
    let sql = include_str!("move_finish.sql");
    let found = query_in(
        transaction,
        sql,
        &[
            &ids(moves),
            &from,
            &leases(moves),
            &to,
            &crashes(moves),
            &outcomes(moves),
            &errors(moves)?,
            &reasons,
            &results,
        ],
    )
    .await?;
    counted(&found)
}

fn counted(found: &[Row]) -> Result<usize, StoreError> {
    let count: i64 = found.first().map_or(Ok(0), |row| row.try_get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

fn ids(moves: &[&Decided]) -> Vec<Uuid> {
    moves.iter().map(|decided| decided.id.0).collect()
}

fn leases(moves: &[&Decided]) -> Vec<i64> {
    moves.iter().map(|decided| decided.lease).collect()
}

fn crashes(moves: &[&Decided]) -> Vec<i32> {
    moves.iter().map(|decided| signed(decided.to.crashes)).collect()
}

fn outcomes(moves: &[&Decided]) -> Vec<Option<&'static str>> {
    moves.iter().map(|decided| decided.to.last_outcome.map(LastOutcome::as_str)).collect()
}

fn errors(moves: &[&Decided]) -> Result<Vec<Option<String>>, StoreError> {
    moves.iter().map(|decided| rows::errors_text(&decided.errors)).collect()
}

fn signed(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
