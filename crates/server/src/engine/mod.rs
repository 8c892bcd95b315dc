//! Between the requests and the store: gathers, bounds and wakes.

mod budget;
mod coalescer;
mod creation;
mod dispatcher;
mod error;
mod finished;
mod leases;
mod worker_log;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use taskward_core::{Json, NewTask, Task, TaskId, TaskState, TraceContext};
use taskward_store::{
    ClaimDemand, EnqueueError, EnqueueMode, Enqueued, Heartbeat, HeartbeatError, Held, OperateError,
    SettleError, Settled, Settlement, SettlementOutcome, Store, StoreError,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::maintenance::Alarm;
use crate::mode::ModeSwitch;
use crate::settings::Settings;
use crate::telemetry::metrics::TaskMetrics;
use budget::{Budget, Load};
use coalescer::{BatchVerb, Coalescer};
use creation::Creation;
use dispatcher::Dispatcher;
pub use error::EngineError;
use finished::FinishedWatch;
use leases::LeaseLengths;
pub use worker_log::WorkerLog;

/// Items per transaction: large enough to carry the cost of a commit, small enough to keep it short.
const BATCH_ITEMS_MAX: usize = 1_000;
/// Transactions of one verb in flight at a time. Two keep the database busy while answers are sent.
const BATCHES_IN_FLIGHT: usize = 2;

/// An item's own outcome of an enqueue.
pub type EnqueueResult = Result<Enqueued, EnqueueError>;
/// An item's own outcome of a report.
pub type SettleResult = Result<Settled, SettleError>;

/// What requests work with. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    store: Arc<dyn Store>,
    mode: ModeSwitch,
    poll: Duration,
    budget: Budget,
    creation: Creation,
    enqueues: Coalescer<Creation>,
    settles: Coalescer<Settle>,
    heartbeats: Coalescer<Beat>,
    dispatcher: Dispatcher,
    finished: FinishedWatch,
    pub(crate) workers: WorkerLog,
    pub(crate) promote_alarm: Alarm,
    pub(crate) rescue_alarm: Alarm,
    pub(crate) metrics: TaskMetrics,
    leases: LeaseLengths,
}

impl Engine {
    /// Starts the engine's background tasks on the current runtime.
    pub fn start(store: Arc<dyn Store>, settings: &Settings, mode: ModeSwitch) -> Self {
        let budget = Budget::new(settings.pending_tasks_max, settings.pending_bytes_max);
        let settles = Coalescer::start(Settle(Arc::clone(&store)), &mode, BATCHES_IN_FLIGHT, BATCH_ITEMS_MAX);
        let dispatcher = Dispatcher::start(Arc::clone(&store), settles.clone(), mode.clone(), settings.poll);
        let (promote_alarm, metrics) = (Alarm::default(), TaskMetrics::new(settings.metrics));
        let creation = Creation {
            store: Arc::clone(&store),
            dispatcher: dispatcher.clone(),
            promote_alarm: promote_alarm.clone(),
            metrics: metrics.clone(),
        };
        Self {
            enqueues: Coalescer::start(creation.clone(), &mode, BATCHES_IN_FLIGHT, BATCH_ITEMS_MAX),
            creation,
            heartbeats: Coalescer::start(Beat(Arc::clone(&store)), &mode, 1, BATCH_ITEMS_MAX),
            settles,
            dispatcher,
            finished: FinishedWatch::default(),
            workers: WorkerLog::default(),
            promote_alarm,
            rescue_alarm: Alarm::default(),
            metrics,
            leases: LeaseLengths::default(),
            store,
            mode,
            poll: settings.poll,
            budget,
        }
    }

    /// The store, for reads.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The service's mode.
    pub fn mode(&self) -> &ModeSwitch {
        &self.mode
    }

    /// Creates tasks, each standing alone. Large requests become several transactions.
    pub async fn enqueue(&self, tasks: Vec<NewTask>) -> Result<Vec<EnqueueResult>, EngineError> {
        self.writable()?;
        let _reserved = self.budget.reserve(tasks.len(), tasks.iter().map(task_bytes).sum())?;
        self.enqueues.submit_chunked(tasks).await
    }

    /// Creates tasks, all or none.
    pub async fn enqueue_atomic(&self, tasks: Vec<NewTask>) -> Result<Vec<EnqueueResult>, EngineError> {
        self.writable()?;
        let _reserved = self.budget.reserve(tasks.len(), tasks.iter().map(task_bytes).sum())?;
        Ok(self.creation.create(tasks, EnqueueMode::Atomic).await.map_err(Arc::new)?)
    }

    /// Leases tasks to a worker, waiting up to `wait` for the first one.
    pub async fn claim(&self, demand: ClaimDemand, wait: Duration) -> Result<Vec<Task>, EngineError> {
        self.writable()?;
        let lease = demand.lease;
        self.leases.saw(lease);
        let tasks = self.dispatcher.claim(demand, wait).await?;
        if let Some(first_end) = tasks.iter().map(|task| task.timeout.min(lease)).min() {
            self.rescue_alarm.ring_in(first_end);
            self.metrics.claimed(&tasks);
        }
        Ok(tasks)
    }

    /// Applies workers' reports.
    pub async fn settle(&self, reports: Vec<Settlement>) -> Result<Vec<SettleResult>, EngineError> {
        self.writable()?;
        let _reserved = self.budget.reserve(reports.len(), reports.iter().map(report_bytes).sum())?;
        let reported: Vec<Reported> = reports.iter().map(Reported::of).collect();
        let results = self.settles.submit_chunked(reports).await?;
        self.after_settle(&reported, &results);
        Ok(results)
    }

    /// Extends a lease.
    pub async fn heartbeat(&self, beat: Heartbeat) -> Result<Result<Held, HeartbeatError>, EngineError> {
        self.writable()?;
        let _reserved = self.budget.reserve(1, beat.progress.as_ref().map_or(0, json_bytes))?;
        let extend = beat.extend;
        self.leases.saw(extend);
        let mut results = self.heartbeats.submit(vec![beat]).await?;
        self.rescue_alarm.ring_in(extend);
        Ok(results.pop().unwrap_or(Err(HeartbeatError::NotFound)))
    }

    /// Withdraws a task.
    pub async fn cancel(&self, id: TaskId) -> Result<Result<Task, OperateError>, EngineError> {
        self.writable()?;
        let result = only(self.store.cancel(vec![id]).await)?;
        if let Ok(task) = &result
            && task.state.is_finished()
        {
            self.metrics.cancelled(&task.queue);
            self.finished.announce([id]);
        }
        Ok(result)
    }

    /// Brings a dead task back.
    pub async fn retry(&self, id: TaskId) -> Result<Result<Task, OperateError>, EngineError> {
        Ok(self.retry_many(vec![id]).await?.pop().unwrap_or(Err(OperateError::NotFound)))
    }

    /// Brings dead tasks back, each standing alone, in one transaction.
    pub async fn retry_many(&self, ids: Vec<TaskId>) -> Result<Vec<Result<Task, OperateError>>, EngineError> {
        self.writable()?;
        let results = self.store.retry(ids).await.map_err(Arc::new)?;
        for task in results.iter().flatten() {
            self.metrics.brought_back(&task.queue);
        }
        self.became_available(results.iter().flatten().map(|task| task.queue.as_str()));
        Ok(results)
    }

    /// Reads a task, and waits up to `wait` until it is finished. A drain ends the wait.
    pub async fn get(&self, id: TaskId, wait: Duration) -> Result<Option<Task>, EngineError> {
        let deadline = Instant::now() + wait;
        loop {
            // Interest is registered before the read, so that a finish in between is not missed.
            let finish = self.finished.watch(id);
            let task = self.store.get(vec![id]).await.map_err(Arc::new)?.pop().flatten();
            let now = Instant::now();
            if now >= deadline || task.as_ref().is_none_or(|task| task.state.is_finished()) {
                return Ok(task);
            }
            let look_again = tokio::time::sleep_until(deadline.min(now + self.poll));
            tokio::select! {
                () = finish.announced() => {}
                () = look_again => {}
                () = self.mode.draining() => return Ok(task),
            }
        }
    }

    /// Pauses or resumes a queue.
    pub async fn set_paused(&self, queue: &str, paused: bool) -> Result<bool, EngineError> {
        self.writable()?;
        let changed = self.store.set_paused(queue, paused).await.map_err(Arc::new)?;
        if changed && !paused {
            self.became_available([queue]);
        }
        Ok(changed)
    }

    /// Whether anything may be changed now. What is refused here was not tried, so nothing was changed for sure.
    pub(crate) fn writable(&self) -> Result<(), EngineError> {
        self.mode.read_only().map_or(Ok(()), |cause| Err(EngineError::ReadOnly(cause)))
    }

    /// How long the leases are that workers ask for.
    pub(crate) fn leases(&self) -> &LeaseLengths {
        &self.leases
    }

    /// How many claims wait here, by queue.
    pub(crate) fn waiting_claims(&self) -> HashMap<String, usize> {
        self.dispatcher.waiting()
    }

    /// How many items of each verb wait for a transaction.
    pub(crate) fn waiting_items(&self) -> [(&'static str, usize); 3] {
        [self.enqueues.waiting(), self.settles.waiting(), self.heartbeats.waiting()]
    }

    /// What is in memory and not durable yet, and how much may be.
    pub(crate) fn pending(&self) -> (Load, Load) {
        self.budget.load()
    }

    /// Wakes claims that wait for these queues, here and on other instances.
    pub(crate) fn became_available<'a>(&self, queues: impl IntoIterator<Item = &'a str>) {
        self.dispatcher.wake(queues);
    }

    /// Rung when tasks became available here, for other instances to be told.
    pub(crate) fn others_alarm(&self) -> &Notify {
        self.dispatcher.others_alarm()
    }

    /// Wakes every claim that waits here.
    pub(crate) fn woken_by_others(&self) {
        self.dispatcher.wake_all();
    }

    /// Tells requests that wait for these tasks.
    pub(crate) fn announce_finished(&self, id: TaskId) {
        self.finished.announce([id]);
    }

    fn after_settle(&self, reported: &[Reported], results: &[SettleResult]) {
        let applied = || {
            reported.iter().zip(results).filter_map(|(reported, result)| {
                result.as_ref().ok().filter(|settled| !settled.repeated).map(|settled| (reported, settled))
            })
        };
        let now = |state| applied().filter(move |(_, settled)| settled.state == state);
        let finished = || applied().filter(|(_, settled)| settled.state.is_finished());
        self.metrics.settled(applied().map(|(reported, settled)| (reported.outcome, settled)));
        for (reported, settled) in applied().filter(|(reported, _)| reported.error.is_some()) {
            reported.log(settled);
        }
        self.finished.announce(finished().map(|(reported, _)| reported.id));
        self.became_available(now(TaskState::Available).map(|(_, settled)| settled.queue.as_str()));
        // The retry's delay was decided in the store: the loop asks it when the next task is due.
        if now(TaskState::Scheduled).next().is_some() {
            self.promote_alarm.ring_in(Duration::ZERO);
        }
    }
}

/// A task that was reported on, and as what.
struct Reported {
    id: TaskId,
    outcome: &'static str,
    /// The class of the error of a failed attempt. Its message is the worker's, and may quote the payload.
    error: Option<String>,
}

impl Reported {
    fn of(report: &Settlement) -> Self {
        let error = match &report.outcome {
            SettlementOutcome::Failed(failure) => Some(failure.kind.clone()),
            _ => None,
        };
        Self { id: report.id, outcome: outcome_name(&report.outcome), error }
    }

    /// A line about a failed attempt: a warning when it was the last one.
    fn log(&self, settled: &Settled) {
        let Settled { queue, kind, attempt, state, trace_context, .. } = settled;
        let (state, error) = (state.as_str(), self.error.as_deref());
        let trace_id = trace_context.as_ref().map(TraceContext::trace_id);
        if settled.state == TaskState::Dead {
            tracing::warn!(
                task.id = %self.id, queue, kind, attempt, state, error.r#type = error, trace.id = trace_id,
                "a task is dead"
            );
        } else {
            tracing::debug!(
                task.id = %self.id, queue, kind, attempt, state, error.r#type = error, trace.id = trace_id,
                "an attempt failed"
            );
        }
    }
}

struct Settle(Arc<dyn Store>);
struct Beat(Arc<dyn Store>);

#[async_trait::async_trait]
impl BatchVerb for Settle {
    const NAME: &'static str = "settle";
    type Item = Settlement;
    type Output = SettleResult;

    async fn apply(&self, items: Vec<Settlement>) -> Result<Vec<SettleResult>, StoreError> {
        self.0.settle(items).await
    }

    fn refused() -> Option<SettleResult> {
        Some(Err(SettleError::Refused))
    }
}

#[async_trait::async_trait]
impl BatchVerb for Beat {
    const NAME: &'static str = "heartbeat";
    type Item = Heartbeat;
    type Output = Result<Held, HeartbeatError>;

    async fn apply(&self, items: Vec<Heartbeat>) -> Result<Vec<Self::Output>, StoreError> {
        self.0.heartbeat(items).await
    }
}

/// The result of a verb that was given one item.
fn only<T>(
    results: Result<Vec<Result<T, OperateError>>, StoreError>,
) -> Result<Result<T, OperateError>, EngineError> {
    Ok(results.map_err(Arc::new)?.pop().unwrap_or(Err(OperateError::NotFound)))
}

fn json_bytes(json: &Json) -> usize {
    json.get().len()
}

fn task_bytes(task: &NewTask) -> usize {
    task.payload.get().len() + task.metadata.as_ref().map_or(0, json_bytes) + size_of::<NewTask>()
}

fn report_bytes(report: &Settlement) -> usize {
    let body = match &report.outcome {
        SettlementOutcome::Completed(result) => result.as_ref().map_or(0, json_bytes),
        SettlementOutcome::Failed(failure) => {
            failure.message.len() + failure.trace.as_ref().map_or(0, String::len)
        }
        SettlementOutcome::Snoozed(_) | SettlementOutcome::Released => 0,
    };
    body + size_of::<Settlement>()
}

fn outcome_name(outcome: &SettlementOutcome) -> &'static str {
    match outcome {
        SettlementOutcome::Completed(_) => "completed",
        SettlementOutcome::Failed(_) => "failed",
        SettlementOutcome::Snoozed(_) => "snoozed",
        SettlementOutcome::Released => "released",
    }
}
