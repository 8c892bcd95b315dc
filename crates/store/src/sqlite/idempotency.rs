//! Recognising a creation request that comes again.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _};
use taskward_core::{IdempotencyKey, TaskId};

use super::writer::Write;
use super::{clock, rows};
use crate::{IdempotencyHit, StoreError};

/// What a key stands for: nothing, once its window has passed or its task is gone.
pub(super) fn find(
    connection: &Connection,
    key: &str,
    now: i64,
    window: Duration,
) -> Result<Option<IdempotencyHit>, StoreError> {
    let mut statement = connection.prepare_cached(include_str!("idempotency_find.sql"))?;
    let hit = statement.query_row((key, clock::before(now, window)), |row| {
        Ok(IdempotencyHit { fingerprint: row.get(0)?, task_id: rows::id(row, 1)? })
    });
    Ok(hit.optional()?)
}

/// Records what a key stands for from now on. An entry that no longer counts is overwritten.
pub(super) fn remember(write: &Write<'_>, key: &IdempotencyKey, task: TaskId) -> Result<(), StoreError> {
    let mut statement = write.connection.prepare_cached(include_str!("idempotency_remember.sql"))?;
    statement.execute((&key.key, key.fingerprint, task.0.as_bytes(), write.now))?;
    Ok(())
}
