//! The verb that creates tasks: wakes waiting workers, or hands them their tasks right away.

use std::collections::HashSet;
use std::sync::Arc;

use taskward_core::{NewTask, Schedule, TaskId, TaskState};
use taskward_store::{EnqueueMode, Origin, Store, StoreError};

use super::EnqueueResult;
use super::coalescer::BatchVerb;
use super::dispatcher::{Dispatcher, Parked};

/// Up to this many tasks are handed over in the transaction that creates them. Larger batches are load, not
/// latency: their commit should not wait for claims.
const HANDED_OVER_MAX: usize = 64;

/// Creates tasks, each standing alone.
pub(super) struct Enqueue {
    pub(super) store: Arc<dyn Store>,
    pub(super) dispatcher: Dispatcher,
}

#[async_trait::async_trait]
impl BatchVerb for Enqueue {
    const NAME: &'static str = "enqueue";
    type Item = NewTask;
    type Output = EnqueueResult;

    async fn apply(&self, tasks: Vec<NewTask>) -> Result<Vec<EnqueueResult>, StoreError> {
        let lent = match tasks.len() {
            ..=HANDED_OVER_MAX => self.dispatcher.lend(tasks.iter().filter_map(at_once)),
            _ => Vec::new(),
        };
        let (results, handed_over) = if lent.is_empty() {
            (self.store.enqueue(tasks, EnqueueMode::Each).await?, HashSet::new())
        } else {
            self.enqueue_and_hand_over(tasks, lent).await?
        };
        self.dispatcher.became_available(still_available(&results, &handed_over));
        Ok(results)
    }
}

impl Enqueue {
    /// Answers also which tasks, new or not, the waiting workers got.
    async fn enqueue_and_hand_over(
        &self,
        tasks: Vec<NewTask>,
        lent: Vec<Parked>,
    ) -> Result<(Vec<EnqueueResult>, HashSet<TaskId>), StoreError> {
        let demands = lent.iter().map(|claim| claim.demand.clone()).collect();
        let done = self.store.enqueue_and_claim(tasks, demands).await;
        let mut claimed = Vec::new();
        let enqueued = done.map(|done| {
            claimed = done.claimed;
            done.enqueued
        });
        // A claim that got nothing, or not even an answer, goes back.
        claimed.resize_with(lent.len(), Vec::new);
        let handed_over = claimed.iter().flatten().map(|task| task.id).collect();
        for (claim, tasks) in lent.into_iter().zip(claimed) {
            self.dispatcher.hand_over(claim, tasks);
        }
        enqueued.map(|enqueued| (enqueued, handed_over))
    }
}

/// The queue and kind of a task that a waiting worker could have at once. Keys take a transaction of their own.
fn at_once(task: &NewTask) -> Option<(&str, &str)> {
    let plain = task.unique.is_none() && task.idempotency.is_none();
    (plain && task.schedule == Schedule::Now).then_some((task.queue.as_str(), task.kind.as_str()))
}

/// The queues of new tasks that somebody may claim now.
pub(super) fn still_available<'a>(
    results: &'a [EnqueueResult],
    handed_over: &HashSet<TaskId>,
) -> impl Iterator<Item = &'a str> {
    results
        .iter()
        .flatten()
        .filter(|new| new.origin == Origin::Created && new.task.state == TaskState::Available)
        .filter(|new| !handed_over.contains(&new.task.id))
        .map(|new| new.task.queue.as_str())
}
