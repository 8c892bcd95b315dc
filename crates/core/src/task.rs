//! A task and its parts.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{RetryPolicy, TraceContext};

/// A moment in UTC, with microsecond precision once it has been through a store.
pub type Timestamp = jiff::Timestamp;

/// JSON text that is passed through as it came, unparsed: payloads, results, progress, metadata.
pub type Json = Box<RawValue>;

/// A task's id: a UUIDv7, so ids of later tasks sort after those of earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub Uuid);

impl TaskId {
    /// A new id, later than every id this process has made before.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TaskId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// Where a task stands. `completed`, `cancelled` and `dead` are finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waits for `run_at`: created for later, snoozed, or between two attempts.
    Scheduled,
    /// Can be claimed now.
    Available,
    /// Leased to a worker.
    Running,
    /// A worker reported success.
    Completed,
    /// Withdrawn before it was done.
    Cancelled,
    /// Given up: see [`DeadReason`]. An operator's retry brings it back.
    Dead,
}

impl TaskState {
    /// Every state, in the order of a task's life.
    pub const ALL: [Self; 6] =
        [Self::Scheduled, Self::Available, Self::Running, Self::Completed, Self::Cancelled, Self::Dead];

    /// The name used on the wire, in the stores and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Available => "available",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
        }
    }

    /// Whether nothing more happens to the task by itself.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Dead)
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TaskState {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownName)
    }
}

/// A text that names none of an enum's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

/// Why a task was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadReason {
    /// The last allowed attempt failed, or was lost.
    AttemptsExhausted,
    /// The worker said that trying again is useless.
    NotRetryable,
    /// Several attempts lost their lease: the task probably kills its workers.
    CrashLoop,
}

impl DeadReason {
    /// The name used on the wire and in the stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::NotRetryable => "not_retryable",
            Self::CrashLoop => "crash_loop",
        }
    }
}

impl FromStr for DeadReason {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::AttemptsExhausted, Self::NotRetryable, Self::CrashLoop]
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or(UnknownName)
    }
}

/// How the task's latest lease ended. Kept so that a repeated report of the same lease is recognised as
/// the same (answer: ok), and told from a report of a lease that was taken away (answer: `lease_lost`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LastOutcome {
    /// The worker reported success.
    Completed,
    /// The worker reported a failure.
    Failed,
    /// The worker put the task off.
    Snoozed,
    /// The worker gave the task back.
    Released,
    /// The lease was not extended in time.
    Expired,
    /// The attempt ran longer than the task's timeout.
    TimedOut,
}

impl LastOutcome {
    /// Every outcome.
    pub const ALL: [Self; 6] =
        [Self::Completed, Self::Failed, Self::Snoozed, Self::Released, Self::Expired, Self::TimedOut];

    /// The name used in the stores and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Snoozed => "snoozed",
            Self::Released => "released",
            Self::Expired => "expired",
            Self::TimedOut => "timed_out",
        }
    }
}

impl FromStr for LastOutcome {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text).ok_or(UnknownName)
    }
}

/// What one failed attempt left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptError {
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// When it was recorded.
    pub at: Timestamp,
    /// A short class of error, such as `timeout` or `ConnectionError`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What went wrong, in a sentence.
    pub message: String,
    /// Where, as the worker's language prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Who ran the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<String>,
}

/// A task's claim to be the only unfinished one of its queue, kind and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// The key.
    pub key: String,
    /// What a second task with this key gets.
    pub on_conflict: OnConflict,
}

/// What happens to a new task whose unique key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// The existing task is answered in its place.
    ReturnExisting,
    /// It is refused with `unique_conflict`.
    Reject,
}

/// A client's name for one creation request, and a digest of that request: the same key with another
/// digest is a mistake of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key, as the client sent it; items of a batch append their index.
    pub key: String,
    /// SHA-256 of the request's body.
    pub fingerprint: [u8; 32],
}

/// When a new task becomes available. Delays are relative, since the database owns time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// At once.
    Now,
    /// After a while.
    In(Duration),
    /// At a moment; one in the past means at once.
    At(Timestamp),
}

/// A task to be created. Its limits have been checked.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// Its id, made by the server.
    pub id: TaskId,
    /// What kind of work it is.
    pub kind: String,
    /// The queue it waits in.
    pub queue: String,
    /// The input of the work.
    pub payload: Json,
    /// 1 (first) to 9 (last).
    pub priority: u8,
    /// When it becomes available.
    pub schedule: Schedule,
    /// How long one attempt may run.
    pub timeout: Duration,
    /// How many attempts it gets.
    pub max_attempts: u32,
    /// When a failed attempt is tried again.
    pub retry: RetryPolicy,
    /// Its uniqueness, if it wants any.
    pub unique: Option<UniqueKey>,
    /// Labels to filter by.
    pub tags: Vec<String>,
    /// Anything its creator wants kept with it.
    pub metadata: Option<Json>,
    /// The trace it belongs to, if any.
    pub trace_context: Option<TraceContext>,
    /// The request that creates it, if that request is to be recognised when repeated.
    pub idempotency: Option<IdempotencyKey>,
}

impl NewTask {
    /// The task that a store made of it at `now`, as a read would give it: durations are kept in whole
    /// milliseconds, and a task whose `run_at` has come is available.
    #[must_use]
    pub fn into_task(self, run_at: Timestamp, now: Timestamp) -> Task {
        Task {
            id: self.id,
            kind: self.kind,
            queue: self.queue,
            payload: self.payload,
            state: if run_at <= now { TaskState::Available } else { TaskState::Scheduled },
            priority: self.priority,
            run_at,
            timeout: whole_millis(self.timeout),
            max_attempts: self.max_attempts,
            retry: RetryPolicy {
                initial: whole_millis(self.retry.initial),
                max: whole_millis(self.retry.max),
                ..self.retry
            },
            unique: self.unique,
            tags: self.tags,
            metadata: self.metadata,
            attempt: 0,
            crashes: 0,
            lease: 0,
            last_outcome: None,
            lease_expires_at: None,
            worker_id: None,
            progress: None,
            cancel_requested: false,
            result: None,
            errors: Vec::new(),
            dead_reason: None,
            created_at: now,
            started_at: None,
            finished_at: None,
            trace_context: self.trace_context,
        }
    }
}

fn whole_millis(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// A task, in whichever state.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// What kind of work it is.
    pub kind: String,
    /// The queue it waits in.
    pub queue: String,
    /// The input of the work.
    pub payload: Json,
    /// Where it stands.
    pub state: TaskState,
    /// 1 (first) to 9 (last).
    pub priority: u8,
    /// When it became, or becomes, available.
    pub run_at: Timestamp,
    /// How long one attempt may run.
    pub timeout: Duration,
    /// How many attempts it gets.
    pub max_attempts: u32,
    /// When a failed attempt is tried again.
    pub retry: RetryPolicy,
    /// Its uniqueness, if it asked for any.
    pub unique: Option<UniqueKey>,
    /// Labels to filter by.
    pub tags: Vec<String>,
    /// Anything its creator wanted kept with it.
    pub metadata: Option<Json>,
    /// Attempts begun and not given back, including the one that runs.
    pub attempt: u32,
    /// Attempts whose lease was lost.
    pub crashes: u32,
    /// The number of its latest lease; 0 before the first claim. Only grows.
    pub lease: i64,
    /// How that lease ended; `None` while it is held or before the first.
    pub last_outcome: Option<LastOutcome>,
    /// When the lease ends unless it is extended; while running.
    pub lease_expires_at: Option<Timestamp>,
    /// Who holds the lease, or held the latest one.
    pub worker_id: Option<String>,
    /// What the worker last said about how far it is.
    pub progress: Option<Json>,
    /// Somebody asked the running task to stop.
    pub cancel_requested: bool,
    /// What the work answered.
    pub result: Option<Json>,
    /// Errors of failed attempts, oldest first; bounded by [`crate::Limits::errors_kept`].
    pub errors: Vec<AttemptError>,
    /// Why it was given up; while dead.
    pub dead_reason: Option<DeadReason>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its latest attempt began.
    pub started_at: Option<Timestamp>,
    /// When it was finished.
    pub finished_at: Option<Timestamp>,
    /// The trace of the request that created it, if there was one.
    pub trace_context: Option<TraceContext>,
}
