//! What a decision needs to know of a task, and applying the decision.

use rusqlite::types::Type;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row};
use taskward_core::transition::Move;
use taskward_core::{AttemptError, TaskId, TaskStatus, TraceContext};

use super::writer::Write;
use super::{clock, rows};
use crate::StoreError;

/// A task, as far as transitions are concerned. The order of columns is that of `status_tasks.sql`.
pub(super) struct Status {
    /// Its row's number in its table, good for the rest of the transaction.
    pub(super) row: i64,
    pub(super) id: TaskId,
    pub(super) queue: String,
    pub(super) kind: String,
    /// What [`taskward_core::transition`] looks at.
    pub(super) task: TaskStatus,
    pub(super) worker_id: Option<String>,
    pub(super) started_at: Option<i64>,
    /// Errors of earlier attempts, as JSON text: most tasks have none, and those that have mostly finish.
    pub(super) errors: String,
    pub(super) result: Option<String>,
    pub(super) trace_context: Option<TraceContext>,
}

/// What goes with a move: the attempt's error or its result.
#[derive(Default)]
pub(super) struct Report<'a> {
    pub(super) error: Option<&'a AttemptError>,
    pub(super) result: Option<&'a str>,
}

impl Status {
    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            row: row.get(18)?,
            id: rows::id(row, 0)?,
            queue: row.get(2)?,
            kind: row.get(3)?,
            task: TaskStatus {
                state: rows::name(row, 1)?,
                attempt: row.get(4)?,
                max_attempts: row.get(5)?,
                crashes: row.get(6)?,
                lease: row.get(7)?,
                last_outcome: rows::optional_name(row, 8)?,
                cancel_requested: row.get(9)?,
                retry: rows::retry_policy(row, 10)?,
            },
            worker_id: row.get(14)?,
            started_at: row.get(15)?,
            errors: row.get(16)?,
            result: row.get(17)?,
            trace_context: rows::optional_name(row, 19)?,
        })
    }

    /// The errors of earlier attempts, oldest first.
    pub(super) fn parsed_errors(&self) -> Result<Vec<AttemptError>, StoreError> {
        if self.errors == "[]" {
            return Ok(Vec::new());
        }
        Ok(serde_json::from_str(&self.errors)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(16, Type::Text, error.into()))?)
    }

    /// The errors with one more, as text; the oldest are dropped when there are too many.
    fn errors_with(&self, error: &AttemptError, kept: usize) -> Result<String, StoreError> {
        let mut errors = self.parsed_errors()?;
        errors.push(error.clone());
        let dropped = errors.len().saturating_sub(kept);
        serde_json::to_string(&errors[dropped..]).map_err(|error| StoreError::Rejected(error.into()))
    }
}

/// The statements that find and move tasks, prepared once for a whole batch: looking one up in the cache costs
/// about as much as running it.
pub(super) struct Statements<'c> {
    find_unfinished: CachedStatement<'c>,
    find_finished: CachedStatement<'c>,
    finish: CachedStatement<'c>,
    remove: CachedStatement<'c>,
    reschedule: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self, StoreError> {
        Ok(Self {
            find_unfinished: connection.prepare_cached(include_str!("status_tasks.sql"))?,
            find_finished: connection.prepare_cached(include_str!("status_history.sql"))?,
            finish: connection.prepare_cached(include_str!("finish.sql"))?,
            remove: connection.prepare_cached("DELETE FROM tasks WHERE rowid = ?1")?,
            reschedule: connection.prepare_cached(include_str!("reschedule.sql"))?,
        })
    }

    /// Finds a task, unfinished or finished.
    pub(super) fn find(&mut self, id: TaskId) -> Result<Option<Status>, StoreError> {
        let id = (id.0.as_bytes(),);
        match self.find_unfinished.query_row(id, Status::from_row).optional()? {
            Some(found) => Ok(Some(found)),
            None => Ok(self.find_finished.query_row(id, Status::from_row).optional()?),
        }
    }

    /// Applies a move of an unfinished task that core decided on. The statements are guarded by the state and
    /// lease the decision was made for, although nobody else can write in between: a defect here must show.
    pub(super) fn apply(
        &mut self,
        write: &mut Write<'_>,
        from: &Status,
        to: &Move,
        report: &Report<'_>,
    ) -> Result<(), StoreError> {
        let kept = write.options.limits.errors_kept;
        let errors = report.error.map(|error| from.errors_with(error, kept)).transpose()?;
        let changed = if to.state.is_finished() {
            self.finish(write.now, from, to, errors.as_deref(), report.result)?
        } else {
            self.reschedule(write.now, from, to, errors.as_deref())?
        };
        if changed != 1 {
            return Err(StoreError::Corrupt(format!("task {} changed while it was being settled", from.id)));
        }
        write.counts.moved(&from.queue, from.task.state, to.state, 1);
        Ok(())
    }

    fn finish(
        &mut self,
        now: i64,
        from: &Status,
        to: &Move,
        errors: Option<&str>,
        result: Option<&str>,
    ) -> Result<usize, StoreError> {
        let inserted = self.finish.execute(rusqlite::params![
            from.row,
            from.task.state.as_str(),
            from.task.lease,
            to.state.as_str(),
            to.attempt,
            to.crashes,
            to.last_outcome.map(|outcome| outcome.as_str()),
            errors,
            result,
            to.dead_reason.map(|reason| reason.as_str()),
            now,
        ])?;
        Ok(inserted.min(self.remove.execute((from.row,))?))
    }

    fn reschedule(
        &mut self,
        now: i64,
        from: &Status,
        to: &Move,
        errors: Option<&str>,
    ) -> Result<usize, StoreError> {
        Ok(self.reschedule.execute(rusqlite::params![
            from.row,
            from.task.state.as_str(),
            from.task.lease,
            to.state.as_str(),
            clock::after(now, to.delay),
            to.attempt,
            to.crashes,
            to.last_outcome.map(|outcome| outcome.as_str()),
            errors,
        ])?)
    }
}
