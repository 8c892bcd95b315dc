//! From rows to values. The order of columns is that of `get_tasks.sql`, `get_history.sql` and
//! `claim_read.sql`, which must stay the same.

use std::error::Error;
use std::str::FromStr;
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Result, Row};
use serde_json::value::RawValue;
use taskward_core::{AttemptError, Json, OnConflict, RetryPolicy, Task, TaskId, Timestamp, UniqueKey};
use uuid::Uuid;

/// A whole task.
pub(super) fn task(row: &Row<'_>) -> Result<Task> {
    Ok(Task {
        id: id(row, 0)?,
        state: name(row, 1)?,
        queue: row.get(2)?,
        kind: row.get(3)?,
        priority: row.get(4)?,
        run_at: timestamp(row, 5)?,
        attempt: row.get(6)?,
        max_attempts: row.get(7)?,
        crashes: row.get(8)?,
        lease: row.get(9)?,
        last_outcome: optional_name(row, 10)?,
        lease_expires_at: optional_timestamp(row, 11)?,
        worker_id: row.get(12)?,
        cancel_requested: row.get(13)?,
        timeout: millis(row, 14)?,
        retry: retry_policy(row, 15)?,
        unique: unique(row, 19)?,
        created_at: timestamp(row, 21)?,
        started_at: optional_timestamp(row, 22)?,
        tags: texts(row, 23)?,
        metadata: optional_json(row, 24)?,
        progress: optional_json(row, 25)?,
        errors: errors(row, 26)?,
        payload: json(row, 27)?,
        result: optional_json(row, 28)?,
        dead_reason: optional_name(row, 29)?,
        finished_at: optional_timestamp(row, 30)?,
        trace_context: optional_name(row, 31)?,
    })
}

/// An id.
pub(super) fn id(row: &Row<'_>, index: usize) -> Result<TaskId> {
    Ok(TaskId(Uuid::from_bytes(row.get(index)?)))
}

/// A value that is stored as its text.
pub(super) fn name<T>(row: &Row<'_>, index: usize) -> Result<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    let text = row.get_ref(index)?.as_str()?;
    text.parse().map_err(|error| refuse(index, error))
}

/// The same, or nothing.
pub(super) fn optional_name<T>(row: &Row<'_>, index: usize) -> Result<Option<T>>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    let text = row.get_ref(index)?.as_str_or_null()?;
    text.map(str::parse).transpose().map_err(|error| refuse(index, error))
}

/// A moment.
pub(super) fn timestamp(row: &Row<'_>, index: usize) -> Result<Timestamp> {
    Timestamp::from_microsecond(row.get(index)?).map_err(|error| refuse(index, error))
}

/// A moment, or none.
pub(super) fn optional_timestamp(row: &Row<'_>, index: usize) -> Result<Option<Timestamp>> {
    let micros: Option<i64> = row.get(index)?;
    micros.map(Timestamp::from_microsecond).transpose().map_err(|error| refuse(index, error))
}

/// A duration that is stored in milliseconds.
pub(super) fn millis(row: &Row<'_>, index: usize) -> Result<Duration> {
    let millis: i64 = row.get(index)?;
    Ok(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
}

/// A retry policy, in four columns from `index`.
pub(super) fn retry_policy(row: &Row<'_>, index: usize) -> Result<RetryPolicy> {
    Ok(RetryPolicy {
        initial: millis(row, index)?,
        factor: row.get(index + 1)?,
        max: millis(row, index + 2)?,
        jitter: row.get(index + 3)?,
    })
}

fn unique(row: &Row<'_>, index: usize) -> Result<Option<UniqueKey>> {
    let Some(key) = row.get(index)? else { return Ok(None) };
    let on_conflict = match row.get_ref(index + 1)?.as_str()? {
        "reject" => OnConflict::Reject,
        _ => OnConflict::ReturnExisting,
    };
    Ok(Some(UniqueKey { key, on_conflict }))
}

/// Texts, stored as a JSON array or NULL for none.
pub(super) fn texts(row: &Row<'_>, index: usize) -> Result<Vec<String>> {
    match row.get_ref(index)?.as_str_or_null()? {
        None => Ok(Vec::new()),
        Some(text) => serde_json::from_str(text).map_err(|error| refuse(index, error)),
    }
}

fn errors(row: &Row<'_>, index: usize) -> Result<Vec<AttemptError>> {
    match row.get_ref(index)?.as_str()? {
        // What nearly every task has.
        "[]" => Ok(Vec::new()),
        text => serde_json::from_str(text).map_err(|error| refuse(index, error)),
    }
}

fn json(row: &Row<'_>, index: usize) -> Result<Json> {
    RawValue::from_string(row.get(index)?).map_err(|error| refuse(index, error))
}

fn optional_json(row: &Row<'_>, index: usize) -> Result<Option<Json>> {
    let text: Option<String> = row.get(index)?;
    text.map(RawValue::from_string).transpose().map_err(|error| refuse(index, error))
}

fn refuse(index: usize, error: impl Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
}
