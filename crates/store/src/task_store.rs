//! The verbs on tasks, and the values they take and give.

use std::time::Duration;

use async_trait::async_trait;
use taskward_core::{AttemptError, Json, NewTask, Task, TaskId, TaskState, Timestamp, TraceContext};

use crate::StoreError;

/// Tasks in a database. Every verb is one atomic transition over a batch, with a result per item, in the
/// order of the items.
#[async_trait]
pub trait TaskStore: Send + Sync + 'static {
    /// Creates tasks. Each item stands alone, or all together: see [`EnqueueMode`].
    async fn enqueue(
        &self,
        tasks: Vec<NewTask>,
        mode: EnqueueMode,
    ) -> Result<Vec<Result<Enqueued, EnqueueError>>, StoreError>;

    /// Creates tasks, each standing alone, and serves demands right after it, as [`Self::claim`] would, in the
    /// same transaction: a worker that waits has its task with one commit instead of two. Demands may be left
    /// without tasks although there are some.
    async fn enqueue_and_claim(
        &self,
        tasks: Vec<NewTask>,
        demands: Vec<ClaimDemand>,
    ) -> Result<HandedOver, StoreError>;

    /// Finds what an earlier request with this idempotency key made, if that was within the window.
    /// Item keys of a batch are found by their full key.
    async fn find_idempotent(&self, key: &str) -> Result<Option<IdempotencyHit>, StoreError>;

    /// Leases available tasks to workers: a list per demand, in the order of the demands. Queues are served
    /// in the order a demand names them, and within a queue by priority, `run_at`, id. Paused queues give
    /// nothing. A demand that finds nothing gets an empty list.
    async fn claim(&self, demands: Vec<ClaimDemand>) -> Result<Vec<Vec<Task>>, StoreError>;

    /// Applies workers' reports.
    async fn settle(&self, reports: Vec<Settlement>)
    -> Result<Vec<Result<Settled, SettleError>>, StoreError>;

    /// Extends leases.
    async fn heartbeat(&self, beats: Vec<Heartbeat>)
    -> Result<Vec<Result<Held, HeartbeatError>>, StoreError>;

    /// Withdraws tasks: unfinished ones that are not running are cancelled, running ones are asked to stop.
    async fn cancel(&self, ids: Vec<TaskId>) -> Result<Vec<Result<Task, OperateError>>, StoreError>;

    /// Brings dead tasks back.
    async fn retry(&self, ids: Vec<TaskId>) -> Result<Vec<Result<Task, OperateError>>, StoreError>;

    /// Makes up to `limit` scheduled tasks whose time has come available.
    async fn promote_due(&self, limit: usize) -> Result<Promoted, StoreError>;

    /// Ends up to `limit` leases that expired, and attempts that exceeded their timeout.
    async fn rescue_expired(&self, limit: usize) -> Result<Rescued, StoreError>;

    /// Sees to it that no lease and no attempt that is not over yet, or has not been taken away yet, ends before
    /// `grace` has passed. Returns how many were given time. For the end of an outage: workers that could not
    /// report meanwhile have that long to do it.
    async fn grant_grace(&self, grace: Duration) -> Result<u64, StoreError>;

    /// Removes finished tasks older than `retention`, and idempotency keys older than their window; at
    /// most about `limit` rows of each where rows have to be deleted one by one.
    async fn prune(&self, retention: Duration, limit: usize) -> Result<Pruned, StoreError>;

    /// Reads tasks by id, unfinished or finished.
    async fn get(&self, ids: Vec<TaskId>) -> Result<Vec<Option<Task>>, StoreError>;

    /// Reads a page of tasks, newest first.
    async fn list(&self, filter: TaskFilter, page: PageRequest) -> Result<TaskPage, StoreError>;

    /// Every queue that has had a task or was paused, by name. Reads kept counters, never counts tasks.
    async fn queues(&self) -> Result<Vec<QueueSummary>, StoreError>;

    /// Pauses or resumes a queue; it need not have had a task yet. Returns whether that changed anything.
    async fn set_paused(&self, queue: &str, paused: bool) -> Result<bool, StoreError>;

    /// Records that workers asked for tasks.
    async fn record_workers(&self, seen: Vec<WorkerSeen>) -> Result<(), StoreError>;

    /// Workers that asked for tasks within `since`, or hold some; by id.
    async fn workers(&self, since: Duration) -> Result<Vec<WorkerSummary>, StoreError>;

    /// Waits until another instance may have made tasks available. Never returns where there cannot be
    /// another instance. A wake-up without cause is allowed, a missed one is not lost: claims also poll.
    async fn woken_by_others(&self);

    /// Tells other instances that tasks became available. Best effort.
    async fn wake_others(&self);
}

/// Whether the items of one enqueue depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnqueueMode {
    /// A refused item leaves the others alone.
    Each,
    /// One refused item refuses all: the refused item has its own error, the others
    /// [`EnqueueError::Aborted`], and nothing is created.
    Atomic,
}

/// An item of an enqueue that has its task.
#[derive(Debug, Clone)]
pub struct Enqueued {
    /// The task: the new one, or the existing one it stands for.
    pub task: Task,
    /// How it came to be.
    pub origin: Origin,
}

/// What became of new tasks and of the demands that were served together with them.
#[derive(Debug, Default)]
pub struct HandedOver {
    /// A result for each task, as of [`TaskStore::enqueue`].
    pub enqueued: Vec<Result<Enqueued, EnqueueError>>,
    /// A list for each demand, as of [`TaskStore::claim`].
    pub claimed: Vec<Vec<Task>>,
}

/// How an enqueued item came to its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was created.
    Created,
    /// An unfinished task has the same unique key.
    Duplicate,
    /// An earlier request had the same idempotency key.
    Replayed,
}

/// Why an item of an enqueue has no task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnqueueError {
    /// The unique key is taken, and the task asked to be rejected then.
    #[error("task {existing} has the same unique key and is not finished")]
    UniqueConflict {
        /// The task that has the key.
        existing: TaskId,
    },
    /// The idempotency key was used with another request.
    #[error("the idempotency key was used with another request")]
    IdempotencyKeyReused,
    /// Another item of an atomic batch was refused.
    #[error("another task of the atomic batch was refused")]
    Aborted,
    /// The database refuses this task by itself. A store fails as a whole then; whoever tries the others without it
    /// says so of this one.
    #[error("the database refuses this task")]
    Refused,
}

/// What an idempotency key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyHit {
    /// The digest of the request that used it.
    pub fingerprint: [u8; 32],
    /// The task it made.
    pub task_id: TaskId,
}

/// A worker that wants tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimDemand {
    /// Who it is.
    pub worker_id: String,
    /// The queues it serves, first one first.
    pub queues: Vec<String>,
    /// The kinds it can do; empty for all.
    pub kinds: Vec<String>,
    /// How many tasks it wants at most.
    pub max: usize,
    /// How long each lease lasts.
    pub lease: Duration,
}

impl ClaimDemand {
    /// Whether it is for tasks of this queue and kind.
    #[must_use]
    pub fn wants(&self, queue: &str, kind: &str) -> bool {
        let any_kind = self.kinds.is_empty();
        self.queues.iter().any(|own| own == queue) && (any_kind || self.kinds.iter().any(|own| own == kind))
    }

    /// Whether it is for the same tasks as another.
    #[must_use]
    pub fn wants_the_same(&self, other: &Self) -> bool {
        self.queues == other.queues && self.kinds == other.kinds
    }
}

/// A worker's report on a task it holds.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The task.
    pub id: TaskId,
    /// The lease it is held under.
    pub lease: i64,
    /// What became of it.
    pub outcome: SettlementOutcome,
}

/// What became of an attempt.
#[derive(Debug, Clone)]
pub enum SettlementOutcome {
    /// It succeeded, with a result.
    Completed(Option<Json>),
    /// It failed.
    Failed(Failure),
    /// It is put off, without using an attempt.
    Snoozed(Duration),
    /// It is given back, without using an attempt.
    Released,
}

/// A failed attempt, as the worker reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A short class of error.
    pub kind: String,
    /// What went wrong.
    pub message: String,
    /// Where.
    pub trace: Option<String>,
    /// Whether trying again could help.
    pub retryable: bool,
    /// When to try again; wins over the task's retry policy.
    pub retry_after: Option<Duration>,
}

/// A report that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The state the task is in now.
    pub state: TaskState,
    /// The task's queue and kind: for wake-ups, metrics and logs.
    pub queue: String,
    /// The task's kind.
    pub kind: String,
    /// The attempt that was settled.
    pub attempt: u32,
    /// How long the attempt ran; `None` when the report repeats an earlier one.
    pub ran_for: Option<Duration>,
    /// The same report had been applied before; nothing changed.
    pub repeated: bool,
    /// The trace the task belongs to.
    pub trace_context: Option<TraceContext>,
}

/// Why a report was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// There is no such task.
    #[error("there is no such task")]
    NotFound,
    /// The lease is not the one the task is running under.
    #[error("the lease is no longer held")]
    LeaseLost,
    /// The database refuses this report by itself, as in [`EnqueueError::Refused`].
    #[error("the database refuses this report")]
    Refused,
}

/// A request to extend a lease.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// The task.
    pub id: TaskId,
    /// The lease it is held under.
    pub lease: i64,
    /// How long the lease lasts from now.
    pub extend: Duration,
    /// How far the work is; `None` leaves what was said before.
    pub progress: Option<Json>,
}

/// A lease that was extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// When it ends now.
    pub expires_at: Timestamp,
    /// Somebody asked the task to stop.
    pub cancel_requested: bool,
}

/// Why a lease was not extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeartbeatError {
    /// There is no such task.
    #[error("there is no such task")]
    NotFound,
    /// The lease is not the one the task is running under.
    #[error("the lease is no longer held")]
    LeaseLost,
}

/// Why an operator's verb did not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OperateError {
    /// There is no such task.
    #[error("there is no such task")]
    NotFound,
    /// The task's state has no such transition.
    #[error("a task that is {0} cannot do this")]
    InvalidState(TaskState),
    /// Another unfinished task has the unique key by now.
    #[error("task {existing} has the same unique key and is not finished")]
    UniqueConflict {
        /// The task that has the key.
        existing: TaskId,
    },
}

/// What a round of promotion did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promoted {
    /// Tasks made available.
    pub count: usize,
    /// The queues they are in.
    pub queues: Vec<String>,
    /// The time until the next scheduled task is due; `None` when there is none. Zero when more are due.
    pub next_due_in: Option<Duration>,
}

/// What a round of rescue did.
#[derive(Debug, Clone, Default)]
pub struct Rescued {
    /// Each attempt that was ended, and the state its task is in now.
    pub tasks: Vec<RescuedTask>,
    /// The time until the next lease or attempt ends if nobody does anything; `None` when nothing runs.
    pub next_expiry_in: Option<Duration>,
}

/// An attempt the service ended.
#[derive(Debug, Clone)]
pub struct RescuedTask {
    /// The task.
    pub id: TaskId,
    /// Its queue.
    pub queue: String,
    /// Its kind.
    pub kind: String,
    /// The state it is in now.
    pub state: TaskState,
    /// What was recorded.
    pub error: AttemptError,
    /// The trace the task belongs to.
    pub trace_context: Option<TraceContext>,
}

/// What a round of pruning removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Finished tasks, where they could be counted; whole partitions that were dropped are not.
    pub tasks: u64,
    /// History partitions that were dropped.
    pub partitions: u64,
    /// Idempotency keys.
    pub idempotency_keys: u64,
}

/// Which tasks to list; everything given must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// In this queue.
    pub queue: Option<String>,
    /// In this state.
    pub state: Option<TaskState>,
    /// Of this kind.
    pub kind: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
}

/// Which page of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// At most this many tasks.
    pub limit: usize,
    /// Only tasks with smaller ids than this.
    pub before: Option<TaskId>,
}

/// A page of tasks, newest first.
#[derive(Debug, Clone, Default)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<TaskId>,
}

/// A queue and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSummary {
    /// Its name.
    pub name: String,
    /// Whether it gives out no tasks.
    pub paused: bool,
    /// Tasks waiting for their time.
    pub scheduled: u64,
    /// Tasks that can be claimed.
    pub available: u64,
    /// Tasks leased to workers.
    pub running: u64,
    /// Tasks completed since the queue was first used, pruned ones included.
    pub completed: u64,
    /// Tasks cancelled, likewise.
    pub cancelled: u64,
    /// Tasks that died, likewise, less those brought back.
    pub dead: u64,
    /// Tasks created, likewise.
    pub created: u64,
    /// How long the first available task has been waiting since its `run_at`.
    pub oldest_available: Option<Duration>,
}

/// A worker that asked for tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSeen {
    /// Who it is.
    pub worker_id: String,
    /// The queues it asked for.
    pub queues: Vec<String>,
    /// The instance it asked.
    pub instance: String,
    /// How long ago that was.
    pub ago: Duration,
}

/// A worker and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSummary {
    /// Who it is.
    pub worker_id: String,
    /// The queues it last asked for; empty when only its tasks are known.
    pub queues: Vec<String>,
    /// The instance it last asked.
    pub instance: Option<String>,
    /// When it last asked.
    pub last_seen_at: Option<Timestamp>,
    /// The tasks it holds, oldest lease first, at most 1000.
    pub running: Vec<TaskId>,
}
