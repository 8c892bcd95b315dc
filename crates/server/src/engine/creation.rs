//! Creates tasks, and tells everybody whom that concerns: once for each transaction, however many requests
//! share it, and also when whoever asked has hung up.

use std::sync::Arc;
use std::time::Duration;

use taskward_core::{NewTask, Schedule, TaskState};
use taskward_store::{EnqueueMode, Origin, Store, StoreError};

use super::EnqueueResult;
use super::coalescer::BatchVerb;
use super::dispatcher::Dispatcher;
use crate::maintenance::Alarm;
use crate::telemetry::metrics::TaskMetrics;

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
        let results = self.store.enqueue(tasks, mode).await?;
        self.announce(&results, first_due_in);
        Ok(results)
    }

    fn announce(&self, results: &[EnqueueResult], first_due_in: Option<Duration>) {
        let created = || {
            results.iter().flatten().filter(|enqueued| enqueued.origin == Origin::Created).map(|e| &e.task)
        };
        self.metrics.created(created());
        self.dispatcher.wake(
            created().filter(|task| task.state == TaskState::Available).map(|task| task.queue.as_str()),
        );
        if let Some(wait) = first_due_in {
            self.promote_alarm.ring_in(wait);
        }
    }
}

fn wait_of(schedule: Schedule) -> Duration {
    match schedule {
        Schedule::Now => Duration::ZERO,
        Schedule::In(delay) => delay,
        // The store's clock decides; the loop asks it right away and learns how long to wait.
        Schedule::At(_) => Duration::from_millis(1),
    }
}
