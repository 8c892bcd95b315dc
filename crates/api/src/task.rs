//! Tasks, as created and as answered.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use taskward_core as core;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::HumanDuration;

/// JSON text that is passed through as it came.
pub type Json = Box<RawValue>;

/// A moment, RFC 3339 in UTC.
pub type Timestamp = core::Timestamp;

pub use core::{OnConflict, TraceContext};

/// Where a task stands. `completed`, `cancelled` and `dead` are finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waits for `run_at`.
    Scheduled,
    /// Can be claimed now.
    Available,
    /// Leased to a worker.
    Running,
    /// A worker reported success.
    Completed,
    /// Withdrawn before it was done.
    Cancelled,
    /// Given up; `dead_reason` says why. `retry` brings it back.
    Dead,
}

impl TaskState {
    /// The name used on the wire.
    pub fn as_str(self) -> &'static str {
        core::TaskState::from(self).as_str()
    }

    /// Whether nothing more happens to the task by itself.
    pub fn is_finished(self) -> bool {
        core::TaskState::from(self).is_finished()
    }
}

impl From<core::TaskState> for TaskState {
    fn from(state: core::TaskState) -> Self {
        match state {
            core::TaskState::Scheduled => Self::Scheduled,
            core::TaskState::Available => Self::Available,
            core::TaskState::Running => Self::Running,
            core::TaskState::Completed => Self::Completed,
            core::TaskState::Cancelled => Self::Cancelled,
            core::TaskState::Dead => Self::Dead,
        }
    }
}

impl From<TaskState> for core::TaskState {
    fn from(state: TaskState) -> Self {
        match state {
            TaskState::Scheduled => Self::Scheduled,
            TaskState::Available => Self::Available,
            TaskState::Running => Self::Running,
            TaskState::Completed => Self::Completed,
            TaskState::Cancelled => Self::Cancelled,
            TaskState::Dead => Self::Dead,
        }
    }
}

/// A task to create. Only `kind` is required.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTask {
    /// What kind of work it is: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "send_email")]
    pub kind: String,
    /// The queue it waits in: 1 to 100 characters. Default: `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100, default = "default")]
    pub queue: Option<String>,
    /// The input of the work: any JSON, at most 256 KiB. Default: null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub payload: Option<Json>,
    /// 1 (first) to 9 (last). Default: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9, default = 5)]
    pub priority: Option<i64>,
    /// When it becomes available; in the past means at once. Not together with `delay`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub run_at: Option<Timestamp>,
    /// The wait until it becomes available. Not together with `run_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<HumanDuration>,
    /// How long one attempt may run. Default: 60s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
    /// How many attempts it gets, the first included. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, default = 10)]
    pub max_attempts: Option<i64>,
    /// When a failed attempt is tried again.
    #[serde(default, deserialize_with = "crate::object::optional", skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Makes it the only unfinished task of its queue, kind and key.
    #[serde(default, deserialize_with = "crate::object::optional", skip_serializing_if = "Option::is_none")]
    pub unique: Option<Unique>,
    /// Labels to filter by: at most 20, of 1 to 100 characters each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Anything to keep with it: a JSON object of at most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Json>,
    /// The trace it belongs to: a W3C `traceparent`. Left out, that of the request, when the service traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 55, example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    pub traceparent: Option<String>,
}

/// Exponential backoff: attempt `n` waits `initial · factor^(n-1)`, at most `max`, ± `jitter` of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The wait after the first failed attempt. Default: 5s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<HumanDuration>,
    /// What each further attempt multiplies the wait with: 1 to 100. Default: 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100, default = 2)]
    pub factor: Option<f64>,
    /// The longest wait, before jitter. Default: 1h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<HumanDuration>,
    /// The spread, as a share of the wait: 0 to 1. Default: 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1, default = 0.1)]
    pub jitter: Option<f64>,
}

/// A claim to be the only unfinished task of its queue, kind and key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unique {
    /// The key: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub key: String,
    /// What a second task with this key gets: the existing task (`return_existing`, the default), or 409
    /// `unique_conflict` (`reject`).
    #[serde(default = "return_existing")]
    #[schema(value_type = String, default = "return_existing")]
    pub on_conflict: OnConflict,
}

fn return_existing() -> OnConflict {
    OnConflict::ReturnExisting
}

/// A task, in whichever state.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// What kind of work it is.
    pub kind: String,
    /// The queue it waits in.
    pub queue: String,
    /// The input of the work.
    #[schema(value_type = serde_json::Value)]
    pub payload: Json,
    /// Where it stands.
    pub state: TaskState,
    /// 1 (first) to 9 (last).
    pub priority: u8,
    /// When it became, or becomes, available.
    #[schema(value_type = String, format = DateTime)]
    pub run_at: Timestamp,
    /// How long one attempt may run.
    pub timeout: HumanDuration,
    /// How many attempts it gets.
    pub max_attempts: u32,
    /// When a failed attempt is tried again.
    pub retry: Retry,
    /// Its uniqueness, if it asked for any.
    pub unique: Option<Unique>,
    /// Labels to filter by.
    pub tags: Vec<String>,
    /// What its creator wanted kept with it.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Json>,
    /// Attempts begun and not given back, including the one that runs.
    pub attempt: u32,
    /// Attempts whose worker was lost.
    pub crashes: u32,
    /// Who runs it, or ran it last.
    pub worker_id: Option<String>,
    /// What the worker last said about how far it is.
    #[schema(value_type = Option<Object>)]
    pub progress: Option<Json>,
    /// Somebody asked the running task to stop.
    pub cancel_requested: bool,
    /// What the work answered.
    #[schema(value_type = Option<serde_json::Value>)]
    pub result: Option<Json>,
    /// Errors of failed attempts, oldest first, the newest 20.
    pub errors: Vec<AttemptError>,
    /// Why it is dead: `attempts_exhausted`, `not_retryable` or `crash_loop`.
    pub dead_reason: Option<String>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its latest attempt began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it was finished.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// Proof of the lease, for reports on this attempt; only in the answer to a claim. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_token: Option<String>,
    /// When the lease ends unless it is extended; while running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub lease_expires_at: Option<Timestamp>,
    /// True when the task existed before and has the same unique key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub duplicate: bool,
    /// The W3C `traceparent` that work on it follows from, when it belongs to a trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The W3C `tracestate` that goes with it, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
}

/// What one failed attempt left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptError {
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// A short class of error.
    #[serde(rename = "type")]
    pub kind: String,
    /// What went wrong.
    pub message: String,
    /// Where, as the worker's language prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Who ran the attempt.
    pub worker_id: Option<String>,
}

/// A page of tasks, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskListAnswer {
    /// The tasks. A page may be shorter than `limit` while there are more.
    pub tasks: Vec<Task>,
    /// What to pass as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl From<core::Task> for Task {
    fn from(task: core::Task) -> Self {
        let trace = task.trace_context.as_ref();
        Self {
            id: task.id.0,
            kind: task.kind,
            queue: task.queue,
            payload: task.payload,
            state: task.state.into(),
            priority: task.priority,
            run_at: task.run_at,
            timeout: task.timeout.into(),
            max_attempts: task.max_attempts,
            retry: task.retry.into(),
            unique: task.unique.map(|unique| Unique { key: unique.key, on_conflict: unique.on_conflict }),
            tags: task.tags,
            metadata: task.metadata,
            attempt: task.attempt,
            crashes: task.crashes,
            worker_id: task.worker_id,
            progress: task.progress,
            cancel_requested: task.cancel_requested,
            result: task.result,
            errors: task.errors.into_iter().map(AttemptError::from).collect(),
            dead_reason: task.dead_reason.map(|reason| reason.as_str().to_owned()),
            created_at: task.created_at,
            started_at: task.started_at,
            finished_at: task.finished_at,
            lease_token: None,
            lease_expires_at: task.lease_expires_at,
            duplicate: false,
            traceparent: trace.map(|trace| trace.traceparent().to_owned()),
            tracestate: trace.and_then(|trace| trace.tracestate()).map(ToOwned::to_owned),
        }
    }
}

impl From<core::AttemptError> for AttemptError {
    fn from(error: core::AttemptError) -> Self {
        Self {
            attempt: error.attempt,
            at: error.at,
            kind: error.kind,
            message: error.message,
            trace: error.trace,
            worker_id: error.worker_id,
        }
    }
}

impl From<core::RetryPolicy> for Retry {
    fn from(policy: core::RetryPolicy) -> Self {
        Self {
            initial: Some(policy.initial.into()),
            factor: Some(policy.factor),
            max: Some(policy.max.into()),
            jitter: Some(policy.jitter),
        }
    }
}
