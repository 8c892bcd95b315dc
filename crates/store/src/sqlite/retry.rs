//! Bringing dead tasks back.

use taskward_core::transition::Move;
use taskward_core::{Event, Outcome, Task, TaskId, transition};

use super::status::{Statements, Status};
use super::writer::Write;
use super::{clock, enqueue, get};
use crate::{OperateError, StoreError};

type Item = Result<Task, OperateError>;

/// Moves dead tasks from the history back among the unfinished.
pub(super) fn retry(write: &mut Write<'_>, ids: &[TaskId]) -> Result<Vec<Item>, StoreError> {
    let mut statements = Statements::prepare(write.connection)?;
    ids.iter().map(|id| retry_one(write, &mut statements, *id)).collect()
}

fn retry_one(write: &mut Write<'_>, statements: &mut Statements<'_>, id: TaskId) -> Result<Item, StoreError> {
    let Some(found) = statements.find(id)? else {
        return Ok(Err(OperateError::NotFound));
    };
    let Ok(Outcome::Moved(to)) = transition(&found.task, &Event::Retry, 0.0) else {
        return Ok(Err(OperateError::InvalidState(found.task.state)));
    };
    let dead = get::get_known(write.connection, id)?;
    if let Some(unique) = &dead.unique
        && let Some(existing) = enqueue::holder(write, &dead.queue, &dead.kind, &unique.key)?
    {
        return Ok(Err(OperateError::UniqueConflict { existing }));
    }
    bring_back(write, &found, &to)?;
    get::get_known(write.connection, id).map(Ok)
}

fn bring_back(write: &mut Write<'_>, from: &Status, to: &Move) -> Result<(), StoreError> {
    let inserted = write.connection.prepare_cached(include_str!("retry.sql"))?.execute((
        from.row,
        to.state.as_str(),
        clock::after(write.now, to.delay),
        to.attempt,
        to.crashes,
        to.lease,
        to.last_outcome.map(|outcome| outcome.as_str()),
    ))?;
    let mut delete = write.connection.prepare_cached("DELETE FROM history WHERE rowid = ?1")?;
    if inserted.min(delete.execute((from.row,))?) != 1 {
        return Err(StoreError::Corrupt(format!("task {} changed while it was being retried", from.id)));
    }
    write.counts.moved(&from.queue, from.task.state, to.state, 1);
    Ok(())
}
