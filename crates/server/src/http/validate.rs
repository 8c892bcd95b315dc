//! From a request to something the engine takes: limits checked, defaults filled in.

use std::time::Duration;

use taskward_api::{CreateTask, ErrorReport, Json, ProblemCode, Retry, Unique};
use taskward_core::{
    IdempotencyKey, Limits, NewTask, RetryPolicy, Schedule, TaskId, TraceContext, UniqueKey,
};
use taskward_store::Failure;

use super::body::too_large;
use super::error::ApiError;
use super::fields::Fields;

pub(crate) const KIND_CHARS_MAX: usize = 200;
pub(crate) const QUEUE_CHARS_MAX: usize = 100;
const UNIQUE_KEY_CHARS_MAX: usize = 200;
const TAGS_MAX: usize = 20;
pub(crate) const TAG_CHARS_MAX: usize = 100;
const ERROR_TYPE_CHARS_MAX: usize = 200;
const ERROR_MESSAGE_BYTES_MAX: usize = 4 * 1024;
const ERROR_TRACE_BYTES_MAX: usize = 16 * 1024;

const PRIORITY_DEFAULT: u32 = 5;
const ATTEMPTS_DEFAULT: u32 = 10;
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// A duration that must not be zero has at least this.
pub(crate) const DURATION_MIN: Duration = Duration::from_millis(1);
const DELAY_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
const RETRY_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// A task as the store takes it, or everything that is wrong with it.
pub(crate) fn new_task(
    create: CreateTask,
    idempotency: Option<IdempotencyKey>,
    limits: &Limits,
) -> Result<NewTask, ApiError> {
    let mut fields = Fields::default();
    fields.name("kind", &create.kind, KIND_CHARS_MAX);
    let queue = create.queue.unwrap_or_else(|| "default".to_owned());
    fields.name("queue", &queue, QUEUE_CHARS_MAX);
    let priority = fields.number("priority", create.priority, PRIORITY_DEFAULT, (1, 9));
    let max_attempts =
        fields.number("max_attempts", create.max_attempts, ATTEMPTS_DEFAULT, (1, limits.attempts_max));
    let timeout =
        fields.duration("timeout", create.timeout, TIMEOUT_DEFAULT, (DURATION_MIN, limits.timeout_max));
    let schedule = match (create.run_at, create.delay) {
        (Some(_), Some(_)) => {
            fields.refuse("delay", "may not be given together with run_at");
            Schedule::Now
        }
        (Some(at), None) => Schedule::At(at),
        (None, delay) => {
            schedule_in(fields.duration("delay", delay, Duration::ZERO, (Duration::ZERO, DELAY_MAX)))
        }
    };
    let retry = retry(create.retry.unwrap_or_default(), &mut fields);
    let unique = create.unique.map(|unique| unique_key(unique, &mut fields));
    let trace_context = create.traceparent.and_then(|given| trace_context(&given, &mut fields));
    let tags = create.tags.unwrap_or_default();
    fields.names("tags", &tags, (0, TAGS_MAX), TAG_CHARS_MAX);
    if let Some(metadata) = &create.metadata {
        fields.object("metadata", metadata, limits.metadata_bytes_max);
    }
    if let Some(payload) = &create.payload {
        fields.json("payload", payload);
    }
    fields.done()?;
    let payload = create.payload.map_or_else(null, Ok)?;
    if payload.get().len() > limits.payload_bytes_max {
        return Err(too_large("The payload", limits.payload_bytes_max));
    }
    let priority = u8::try_from(priority).unwrap_or(u8::MAX);
    let metadata = create.metadata;
    Ok(NewTask {
        id: TaskId::generate(),
        kind: create.kind,
        queue,
        payload,
        priority,
        schedule,
        timeout,
        max_attempts,
        retry,
        unique,
        tags,
        metadata,
        trace_context,
        idempotency,
    })
}

/// A failure as the store takes it: long texts are cut, since refusing a failure would lose it.
pub(crate) fn failure(
    error: ErrorReport,
    retryable: Option<bool>,
    retry_after: Option<taskward_api::HumanDuration>,
) -> Result<Failure, ApiError> {
    let mut fields = Fields::default();
    fields.name("error.type", &error.kind, ERROR_TYPE_CHARS_MAX);
    let retry_after = retry_after.map(|after| {
        fields.duration("retry_after", Some(after), Duration::ZERO, (Duration::ZERO, RETRY_MAX))
    });
    fields.done()?;
    Ok(Failure {
        kind: error.kind,
        message: cut(error.message, ERROR_MESSAGE_BYTES_MAX),
        trace: error.trace.map(|trace| cut(trace, ERROR_TRACE_BYTES_MAX)),
        retryable: retryable.unwrap_or(true),
        retry_after,
    })
}

/// The delay of a snooze.
pub(crate) fn snooze_delay(delay: taskward_api::HumanDuration) -> Result<Duration, ApiError> {
    let mut fields = Fields::default();
    let delay = fields.duration("delay", Some(delay), Duration::ZERO, (Duration::ZERO, DELAY_MAX));
    fields.done().map(|()| delay)
}

/// A result within its limit, and readable.
pub(crate) fn result(result: Option<Json>, limits: &Limits) -> Result<Option<Json>, ApiError> {
    let Some(json) = &result else { return Ok(None) };
    if json.get().len() > limits.result_bytes_max {
        return Err(too_large("The result", limits.result_bytes_max));
    }
    let mut fields = Fields::default();
    fields.json("result", json);
    fields.done().map(|()| result)
}

/// The lease's number. The token is opaque to clients; one that is not ours is a lease nobody holds.
pub(crate) fn lease(token: &str) -> Result<i64, ApiError> {
    if token.is_empty() {
        return Err(ApiError::field("lease_token", "may not be empty"));
    }
    // Exactly the token that was given: `+7` and `007` are not `7`.
    Ok(token.parse().ok().filter(|lease| *lease > 0 && lease_token(*lease) == token).unwrap_or(NO_LEASE))
}

/// The token of a lease's number.
pub(crate) fn lease_token(lease: i64) -> String {
    lease.to_string()
}

/// Leases count from 1.
const NO_LEASE: i64 = -1;

fn schedule_in(delay: Duration) -> Schedule {
    if delay.is_zero() { Schedule::Now } else { Schedule::In(delay) }
}

fn retry(retry: Retry, fields: &mut Fields) -> RetryPolicy {
    let default = RetryPolicy::default();
    let bounds = (Duration::ZERO, RETRY_MAX);
    RetryPolicy {
        initial: fields.duration("retry.initial", retry.initial, default.initial, bounds),
        factor: fields.real("retry.factor", retry.factor, default.factor, (1.0, 100.0)),
        max: fields.duration("retry.max", retry.max, default.max, bounds),
        jitter: fields.real("retry.jitter", retry.jitter, default.jitter, (0.0, 1.0)),
    }
}

fn unique_key(unique: Unique, fields: &mut Fields) -> UniqueKey {
    fields.name("unique.key", &unique.key, UNIQUE_KEY_CHARS_MAX);
    UniqueKey { key: unique.key, on_conflict: unique.on_conflict }
}

/// A field is a decision: what would be ignored in a header is refused here.
fn trace_context(given: &str, fields: &mut Fields) -> Option<TraceContext> {
    let context = TraceContext::parse(given, None);
    if context.is_none() {
        fields
            .refuse("traceparent", "must be a W3C traceparent, as in 00-<32 hex digits>-<16 hex digits>-01");
    }
    context
}

fn null() -> Result<Json, ApiError> {
    serde_json::value::to_raw_value(&())
        .map_err(|_| ApiError::new(ProblemCode::Internal, "Cannot write null."))
}

/// Cuts a text at a character, and drops what no database stores as text.
fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}
