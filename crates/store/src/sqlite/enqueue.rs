//! Creating tasks.

use rusqlite::{CachedStatement, OptionalExtension as _};
use taskward_core::{IdempotencyKey, NewTask, OnConflict, Schedule, Task, TaskId, TaskState, TraceContext};

use super::values::{json_list, millis, moment, on_conflict_name};
use super::writer::Write;
use super::{clock, get, idempotency, rows};
use crate::{EnqueueError, EnqueueMode, Enqueued, Origin, StoreError};

type Item = Result<Enqueued, EnqueueError>;

/// Creates tasks, one after the other, so that an item sees those before it in the batch.
pub(super) fn enqueue(
    write: &mut Write<'_>,
    tasks: Vec<NewTask>,
    mode: EnqueueMode,
) -> Result<Vec<Item>, StoreError> {
    match mode {
        EnqueueMode::Each => enqueue_each(write, tasks),
        EnqueueMode::Atomic => enqueue_atomically(write, tasks),
    }
}

fn enqueue_each(write: &mut Write<'_>, tasks: Vec<NewTask>) -> Result<Vec<Item>, StoreError> {
    let mut insert = write.connection.prepare_cached(include_str!("enqueue.sql"))?;
    tasks.into_iter().map(|task| enqueue_one(write, &mut insert, task)).collect()
}

fn enqueue_atomically(write: &mut Write<'_>, tasks: Vec<NewTask>) -> Result<Vec<Item>, StoreError> {
    let counts = write.counts.clone();
    write.connection.execute_batch("SAVEPOINT atomic")?;
    let mut items = enqueue_each(write, tasks)?;
    if items.iter().any(Result::is_err) {
        write.connection.execute_batch("ROLLBACK TO atomic")?;
        write.counts = counts;
        for item in &mut items {
            if item.is_ok() {
                *item = Err(EnqueueError::Aborted);
            }
        }
    }
    write.connection.execute_batch("RELEASE atomic")?;
    Ok(items)
}

fn enqueue_one(
    write: &mut Write<'_>,
    statement: &mut CachedStatement<'_>,
    mut new: NewTask,
) -> Result<Item, StoreError> {
    let key = new.idempotency.take();
    if let Some(key) = &key
        && let Some(answer) = replay(write, key)?
    {
        return Ok(answer);
    }
    let made = match existing(write, &new)? {
        Some(existing) => duplicate(write, &new, existing)?,
        None => Ok(Enqueued { task: insert(write, statement, new)?, origin: Origin::Created }),
    };
    if let (Ok(made), Some(key)) = (&made, &key) {
        idempotency::remember(write, key, made.task.id)?;
    }
    Ok(made)
}

/// What an earlier request with the same key gets this one, if it still counts.
fn replay(write: &Write<'_>, key: &IdempotencyKey) -> Result<Option<Item>, StoreError> {
    let window = write.options.idempotency_window;
    let Some(hit) = idempotency::find(write.connection, &key.key, write.now, window)? else {
        return Ok(None);
    };
    if hit.fingerprint != key.fingerprint {
        return Ok(Some(Err(EnqueueError::IdempotencyKeyReused)));
    }
    let task = get::get_known(write.connection, hit.task_id)?;
    Ok(Some(Ok(Enqueued { task, origin: Origin::Replayed })))
}

fn existing(write: &Write<'_>, new: &NewTask) -> Result<Option<TaskId>, StoreError> {
    match &new.unique {
        Some(unique) => holder(write, &new.queue, &new.kind, &unique.key),
        None => Ok(None),
    }
}

/// The unfinished task that has a unique key.
pub(super) fn holder(
    write: &Write<'_>,
    queue: &str,
    kind: &str,
    key: &str,
) -> Result<Option<TaskId>, StoreError> {
    let mut statement = write.connection.prepare_cached(include_str!("unique_holder.sql"))?;
    Ok(statement.query_row((queue, kind, key), |row| rows::id(row, 0)).optional()?)
}

fn duplicate(write: &Write<'_>, new: &NewTask, existing: TaskId) -> Result<Item, StoreError> {
    match new.unique.as_ref().map(|unique| unique.on_conflict) {
        Some(OnConflict::Reject) => Ok(Err(EnqueueError::UniqueConflict { existing })),
        _ => {
            let task = get::get_known(write.connection, existing)?;
            Ok(Ok(Enqueued { task, origin: Origin::Duplicate }))
        }
    }
}

fn insert(
    write: &mut Write<'_>,
    statement: &mut CachedStatement<'_>,
    new: NewTask,
) -> Result<Task, StoreError> {
    let run_at = match new.schedule {
        Schedule::Now => write.now,
        Schedule::In(delay) => clock::after(write.now, delay),
        // A moment in the past gives no head start over what is already waiting.
        Schedule::At(moment) => moment.as_microsecond().max(write.now),
    };
    let state = if run_at <= write.now { TaskState::Available } else { TaskState::Scheduled };
    let tags = (!new.tags.is_empty()).then(|| json_list(&new.tags));
    statement.execute(rusqlite::params![
        new.id.0.as_bytes(),
        state.as_str(),
        new.queue,
        new.kind,
        new.priority,
        run_at,
        new.max_attempts,
        millis(new.timeout),
        millis(new.retry.initial),
        new.retry.factor,
        millis(new.retry.max),
        new.retry.jitter,
        new.unique.as_ref().map(|unique| &unique.key),
        new.unique.as_ref().map(|unique| on_conflict_name(unique.on_conflict)),
        write.now,
        tags,
        new.metadata.as_ref().map(|json| json.get()),
        new.payload.get(),
        new.trace_context.as_ref().map(TraceContext::as_str),
    ])?;
    write.counts.created(&new.queue, state);
    // Without reading it, since this is the most frequent call of all.
    Ok(new.into_task(moment(run_at)?, moment(write.now)?))
}
