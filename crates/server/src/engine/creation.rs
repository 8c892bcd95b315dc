//! Creates tasks, and tells everybody whom that concerns: once for each transaction, however many requests
//! share it, and also when whoever asked has hung up. A worker that waits already is not told, but given its
//! task right away.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use taskward_core::{NewTask, Schedule, Task, TaskId, TaskState};
use taskward_store::{EnqueueError, EnqueueMode, Origin, Store, StoreError};

use super::EnqueueResult;
use super::coalescer::BatchVerb;
use super::dispatcher::{Dispatcher, Parked};
use crate::maintenance::Alarm;
use crate::telemetry::metrics::TaskMetrics;

/// Up to this many tasks are handed over in the transaction that creates them. Larger batches are load, not
/// latency: their commit should not wait for claims.
const HANDED_OVER_MAX: usize = 64;

/// Creates tasks. Clones do the same.
#[derive(Clone)]
pub(super) struct Creation {
    pub(super) store: Arc<dyn Store>,
    pub(super) dispatcher: Dispatcher,
    pub(super) promote_alarm: Alarm,
    pub(super) metrics: TaskMetrics,
}

#[async_trait::async_trait]
impl BatchVerb for Creation {
    const NAME: &'static str = "enqueue";
    type Item = NewTask;
    type Output = EnqueueResult;

    async fn apply(&self, items: Vec<NewTask>) -> Result<Vec<EnqueueResult>, StoreError> {
        self.create(items, EnqueueMode::Each).await
    }

    fn refused() -> Option<EnqueueResult> {
        Some(Err(EnqueueError::Refused))
    }
}

impl Creation {
    /// Creates tasks in one transaction.
    pub(super) async fn create(
        &self,
        tasks: Vec<NewTask>,
        mode: EnqueueMode,
    ) -> Result<Vec<EnqueueResult>, StoreError> {
        let waits = tasks.iter().map(|task| wait_of(task.schedule));
        let first_due_in = waits.filter(|wait| !wait.is_zero()).min();
        let small = mode == EnqueueMode::Each && tasks.len() <= HANDED_OVER_MAX;
        let lent = if small { self.dispatcher.lend(tasks.iter().filter_map(at_once)) } else { Vec::new() };
        let (results, handed_over) = if lent.is_empty() {
            (self.store.enqueue(tasks, mode).await?, HashSet::new())
        } else {
            self.create_and_hand_over(tasks, lent).await?
        };
        self.announce(&results, &handed_over, first_due_in);
        Ok(results)
    }

    /// Answers also which tasks, new or older, the waiting workers got.
    async fn create_and_hand_over(
        &self,
        tasks: Vec<NewTask>,
        lent: Vec<Parked>,
    ) -> Result<(Vec<EnqueueResult>, HashSet<TaskId>), StoreError> {
        let demands = lent.iter().map(|claim| claim.demand.clone()).collect();
        let (enqueued, mut claimed) = match self.store.enqueue_and_claim(tasks, demands).await {
            Ok(done) => (Ok(done.enqueued), done.claimed),
            Err(error) => (Err(error), Vec::new()),
        };
        let handed_over = claimed.iter().flatten().map(|task| task.id).collect();
        // Nobody's claim is lost when the transaction failed.
        claimed.resize_with(lent.len(), Vec::new);
        for (claim, tasks) in lent.into_iter().zip(claimed) {
            self.dispatcher.hand_over(claim, tasks);
        }
        enqueued.map(|enqueued| (enqueued, handed_over))
    }

    fn announce(
        &self,
        results: &[EnqueueResult],
        handed_over: &HashSet<TaskId>,
        first_due_in: Option<Duration>,
    ) {
        let created = || {
            results.iter().flatten().filter(|enqueued| enqueued.origin == Origin::Created).map(|e| &e.task)
        };
        self.metrics.created(created());
        let waits = |task: &&Task| task.state == TaskState::Available && !handed_over.contains(&task.id);
        self.dispatcher.wake(created().filter(waits).map(|task| task.queue.as_str()));
        if let Some(wait) = first_due_in {
            self.promote_alarm.ring_in(wait);
        }
    }
}

/// The queue and kind of a task that a waiting worker could have at once. Keys take a transaction of their own.
fn at_once(task: &NewTask) -> Option<(&str, &str)> {
    let plain = task.unique.is_none() && task.idempotency.is_none();
    (plain && task.schedule == Schedule::Now).then_some((task.queue.as_str(), task.kind.as_str()))
}

fn wait_of(schedule: Schedule) -> Duration {
    match schedule {
        Schedule::Now => Duration::ZERO,
        Schedule::In(delay) => delay,
        // The store's clock decides; the loop asks it right away and learns how long to wait.
        Schedule::At(_) => Duration::from_millis(1),
    }
}
