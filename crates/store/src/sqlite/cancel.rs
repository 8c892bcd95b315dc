//! Withdrawing tasks.

use taskward_core::{Event, Outcome, Refusal, Task, TaskId, transition};

use super::get;
use super::status::{Report, Statements};
use super::writer::Write;
use crate::{OperateError, StoreError};

type Item = Result<Task, OperateError>;

/// Cancels what waits, and asks what runs to stop.
pub(super) fn cancel(write: &mut Write<'_>, ids: &[TaskId]) -> Result<Vec<Item>, StoreError> {
    let mut statements = Statements::prepare(write.connection)?;
    ids.iter().map(|id| cancel_one(write, &mut statements, *id)).collect()
}

fn cancel_one(
    write: &mut Write<'_>,
    statements: &mut Statements<'_>,
    id: TaskId,
) -> Result<Item, StoreError> {
    let Some(found) = statements.find(id)? else {
        return Ok(Err(OperateError::NotFound));
    };
    match transition(&found.task, &Event::Cancel, 0.0) {
        Ok(Outcome::Moved(to)) => statements.apply(write, &found, &to, &Report::default())?,
        Ok(Outcome::CancelRequested) => request(write, id)?,
        Ok(Outcome::Unchanged | Outcome::Extended) => {}
        Err(Refusal::InvalidState(_) | Refusal::LeaseLost) => {
            return Ok(Err(OperateError::InvalidState(found.task.state)));
        }
    }
    get::get_known(write.connection, id).map(Ok)
}

fn request(write: &Write<'_>, id: TaskId) -> Result<(), StoreError> {
    let sql = "UPDATE tasks SET cancel_requested = 1 WHERE id = ?1 AND state = 'running'";
    write.connection.prepare_cached(sql)?.execute((id.0.as_bytes(),))?;
    Ok(())
}
