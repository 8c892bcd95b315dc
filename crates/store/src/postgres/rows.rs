//! From rows to tasks, and from a task's parts to parameters.

use std::str::FromStr;
use std::time::Duration;

use serde_json::value::RawValue;
use taskward_core::{
    AttemptError, Json, OnConflict, RetryPolicy, Task, TaskId, TaskState, Timestamp, UniqueKey,
};
use tokio_postgres::Row;
use uuid::Uuid;

use super::error::corrupt;
use crate::StoreError;

/// Reads a task from a row whose first 32 columns are these, in this order; every `SELECT` and `RETURNING`
/// of whole tasks lists them so. Unfinished tasks have NULL in the last three
/// but one.
///
/// `id, kind, queue, payload, state, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
/// retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
/// crashes, lease, last_outcome, lease_expires_at, worker_id, progress, cancel_requested, errors,
/// created_at, started_at, result, dead_reason, finished_at, trace_context`
pub(super) fn task(row: &Row) -> Result<Task, StoreError> {
    Ok(Task {
        id: TaskId(row.try_get(0)?),
        kind: row.try_get(1)?,
        queue: row.try_get(2)?,
        payload: json(row.try_get(3)?)?,
        state: named(row.try_get(4)?)?,
        priority: small(row.try_get(5)?)?,
        run_at: row.try_get(6)?,
        timeout: millis(row.try_get(7)?)?,
        max_attempts: count(row.try_get(8)?)?,
        retry: retry(row, 9)?,
        unique: unique(row.try_get(13)?, row.try_get(14)?)?,
        tags: row.try_get::<_, Option<Vec<String>>>(15)?.unwrap_or_default(),
        metadata: optional_json(row.try_get(16)?)?,
        attempt: count(row.try_get(17)?)?,
        crashes: count(row.try_get(18)?)?,
        lease: row.try_get(19)?,
        last_outcome: optional_named(row.try_get(20)?)?,
        lease_expires_at: row.try_get(21)?,
        worker_id: row.try_get(22)?,
        progress: optional_json(row.try_get(23)?)?,
        cancel_requested: row.try_get(24)?,
        errors: errors(row.try_get(25)?)?,
        created_at: row.try_get(26)?,
        started_at: row.try_get(27)?,
        result: optional_json(row.try_get(28)?)?,
        dead_reason: optional_named(row.try_get(29)?)?,
        finished_at: row.try_get(30)?,
        trace_context: optional_named(row.try_get(31)?)?,
    })
}

/// Reads a task that was claimed just now from a row whose first 24 columns are these, in this order: what a
/// claim cannot know by itself. The worker and the end of the lease are for the caller to fill in.
///
/// `id, kind, queue, payload, priority, run_at, timeout_ms, max_attempts, retry_initial_ms, retry_factor,
/// retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt, crashes, lease,
/// cancel_requested, errors, created_at, started_at, trace_context`
pub(super) fn claimed(row: &Row) -> Result<Task, StoreError> {
    Ok(Task {
        id: TaskId(row.try_get(0)?),
        kind: row.try_get(1)?,
        queue: row.try_get(2)?,
        payload: json(row.try_get(3)?)?,
        state: TaskState::Running,
        priority: small(row.try_get(4)?)?,
        run_at: row.try_get(5)?,
        timeout: millis(row.try_get(6)?)?,
        max_attempts: count(row.try_get(7)?)?,
        retry: retry(row, 8)?,
        unique: unique(row.try_get(12)?, row.try_get(13)?)?,
        tags: row.try_get::<_, Option<Vec<String>>>(14)?.unwrap_or_default(),
        metadata: optional_json(row.try_get(15)?)?,
        attempt: count(row.try_get(16)?)?,
        crashes: count(row.try_get(17)?)?,
        lease: row.try_get(18)?,
        last_outcome: None,
        lease_expires_at: None,
        worker_id: None,
        progress: None,
        cancel_requested: row.try_get(19)?,
        errors: errors(row.try_get(20)?)?,
        created_at: row.try_get(21)?,
        started_at: row.try_get(22)?,
        result: None,
        dead_reason: None,
        finished_at: None,
        trace_context: optional_named(row.try_get(23)?)?,
    })
}

/// Reads a retry policy from `retry_initial_ms, retry_factor, retry_max_ms, retry_jitter`.
pub(super) fn retry(row: &Row, first: usize) -> Result<RetryPolicy, StoreError> {
    Ok(RetryPolicy {
        initial: millis(row.try_get(first)?)?,
        factor: row.try_get(first + 1)?,
        max: millis(row.try_get(first + 2)?)?,
        jitter: row.try_get(first + 3)?,
    })
}

/// Reads the errors of failed attempts; NULL is none.
pub(super) fn errors(text: Option<&str>) -> Result<Vec<AttemptError>, StoreError> {
    let Some(text) = text else { return Ok(Vec::new()) };
    serde_json::from_str(text).map_err(|error| corrupt(format!("errors of a task: {error}")))
}

/// Writes the errors of failed attempts, as [`errors`] reads them.
pub(super) fn errors_text(errors: &[AttemptError]) -> Result<Option<String>, StoreError> {
    if errors.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(errors).map(Some).map_err(|error| corrupt(error.to_string()))
}

/// Reads a value from its text.
pub(super) fn named<T: FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| corrupt(format!("the name {text:?}")))
}

/// The same, or NULL.
pub(super) fn optional_named<T: FromStr>(text: Option<&str>) -> Result<Option<T>, StoreError> {
    text.map(named).transpose()
}

/// A number of attempts or the like.
pub(super) fn count(number: i32) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| corrupt("a negative count"))
}

/// A number of rows.
pub(super) fn rows(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A limit on rows, as a parameter.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A duration as a parameter.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A duration as it is stored.
pub(super) fn to_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// How long it is from one moment to another; zero when that has passed.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// The moment so many microseconds after another, as the database computes it.
pub(super) fn after(moment: Timestamp, micros: i64) -> Timestamp {
    let micros = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    moment.checked_add(micros).unwrap_or(Timestamp::MAX)
}

/// Ids as parameters.
pub(super) fn uuids(ids: &[TaskId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.0).collect()
}

/// The name of what a second task with a unique key gets.
pub(super) fn on_conflict_name(on_conflict: OnConflict) -> &'static str {
    match on_conflict {
        OnConflict::ReturnExisting => "return_existing",
        OnConflict::Reject => "reject",
    }
}

fn unique(key: Option<String>, on_conflict: Option<&str>) -> Result<Option<UniqueKey>, StoreError> {
    let Some(key) = key else { return Ok(None) };
    let on_conflict = match on_conflict {
        Some("return_existing") => OnConflict::ReturnExisting,
        Some("reject") => OnConflict::Reject,
        other => return Err(corrupt(format!("the conflict policy {other:?}"))),
    };
    Ok(Some(UniqueKey { key, on_conflict }))
}

fn json(text: String) -> Result<Json, StoreError> {
    RawValue::from_string(text).map_err(|error| corrupt(format!("JSON of a task: {error}")))
}

fn optional_json(text: Option<String>) -> Result<Option<Json>, StoreError> {
    text.map(json).transpose()
}

fn millis(number: i64) -> Result<Duration, StoreError> {
    u64::try_from(number).map(Duration::from_millis).map_err(|_| corrupt("a negative duration"))
}

fn small(number: i16) -> Result<u8, StoreError> {
    u8::try_from(number).map_err(|_| corrupt("a priority out of range"))
}
