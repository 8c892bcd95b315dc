//! A store that fails, or waits, by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use taskward_core::{NewTask, Task, TaskId};
use taskward_store::migrations::MigrationPlan;
use taskward_store::{
    AppliedMigration, ClaimDemand, EnqueueError, EnqueueMode, Enqueued, HandedOver, Heartbeat,
    HeartbeatError, Held, IdempotencyHit, MigrationStatus, OperateError, PageRequest, PoolFigures, Promoted,
    Pruned, QueueSummary, Rescued, SettleError, Settled, Settlement, Store, StoreAdmin, StoreError,
    TaskFilter, TaskPage, TaskStore, WorkerSeen, WorkerSummary,
};
use tokio::sync::watch;

use super::within;

/// What a verb does instead of working.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Unavailable,
    ReadOnly,
    Timeout,
    Rejected,
}

/// Text that no client may ever see.
pub(crate) const INTERNALS: &str = "relation tasks_0123 at 10.1.2.3 of user admin";

/// A task of this kind makes the database refuse the whole statement it is in.
const POISON: &str = "poison";

#[derive(Default)]
struct State {
    held: BTreeSet<&'static str>,
    failing: BTreeMap<&'static str, Fault>,
    begun: BTreeMap<&'static str, u64>,
    claims_ended: u64,
    pruned: u64,
}

/// The switches of a [`FaultyStore`]. Clones are the same switches.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<watch::Sender<State>>);

impl Faults {
    /// Lets calls of this verb wait.
    pub(crate) fn hold(&self, verb: &'static str) {
        self.0.send_modify(|state| state.held.extend([verb]));
    }

    /// Lets them go on.
    pub(crate) fn let_go(&self, verb: &'static str) {
        self.0.send_modify(|state| state.held.retain(|held| *held != verb));
    }

    /// Lets calls of this verb fail.
    pub(crate) fn fail(&self, verb: &'static str, fault: Fault) {
        self.0.send_modify(|state| state.failing.extend([(verb, fault)]));
    }

    /// Lets calls of this verb work again.
    pub(crate) fn succeed(&self, verb: &'static str) {
        self.0.send_modify(|state| {
            state.failing.remove(verb);
        });
    }

    /// Lets everything work again.
    pub(crate) fn heal(&self) {
        self.0.send_modify(|state| state.failing.clear());
    }

    /// How many calls of this verb have begun.
    pub(crate) fn begun(&self, verb: &'static str) -> u64 {
        self.0.borrow().begun.get(verb).copied().unwrap_or(0)
    }

    /// Returns once that many calls of this verb have begun.
    pub(crate) async fn reached(&self, verb: &'static str, calls: u64) {
        let mut state = self.0.subscribe();
        let reached = state.wait_for(|state| state.begun.get(verb).is_some_and(|begun| *begun >= calls));
        within(verb, reached).await.map(drop).expect("the sender lives");
    }

    /// Returns once that many claims have come back from the database.
    pub(crate) async fn claims_ended(&self, calls: u64) {
        let mut state = self.0.subscribe();
        within("claims", state.wait_for(|state| state.claims_ended >= calls))
            .await
            .map(drop)
            .expect("it lives");
    }

    /// Returns once that many tasks, or partitions of them, have been pruned.
    pub(crate) async fn pruned(&self, count: u64) {
        let mut state = self.0.subscribe();
        within("pruning", state.wait_for(|state| state.pruned >= count)).await.map(drop).expect("it lives");
    }

    async fn enter(&self, verb: &'static str) -> Result<(), StoreError> {
        self.0.send_modify(|state| *state.begun.entry(verb).or_default() += 1);
        let mut state = self.0.subscribe();
        let state = state.wait_for(|state| !state.held.contains(verb)).await.expect("the sender lives");
        match state.failing.get(verb) {
            None => Ok(()),
            Some(Fault::Unavailable) => Err(StoreError::Unavailable(INTERNALS.into())),
            Some(Fault::ReadOnly) => Err(StoreError::ReadOnly(INTERNALS.into())),
            Some(Fault::Timeout) => Err(StoreError::Timeout),
            Some(Fault::Rejected) => Err(StoreError::Rejected(INTERNALS.into())),
        }
    }
}

pub(crate) struct FaultyStore {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) faults: Faults,
}

type Items<T, E> = Result<Vec<Result<T, E>>, StoreError>;

#[async_trait]
impl TaskStore for FaultyStore {
    async fn enqueue(&self, tasks: Vec<NewTask>, mode: EnqueueMode) -> Items<Enqueued, EnqueueError> {
        self.faults.enter("enqueue").await?;
        if tasks.iter().any(|task| task.kind == POISON) {
            return Err(StoreError::Rejected(INTERNALS.into()));
        }
        self.inner.enqueue(tasks, mode).await
    }

    async fn enqueue_and_claim(
        &self,
        tasks: Vec<NewTask>,
        demands: Vec<ClaimDemand>,
    ) -> Result<HandedOver, StoreError> {
        self.faults.enter("enqueue").await?;
        if tasks.iter().any(|task| task.kind == POISON) {
            return Err(StoreError::Rejected(INTERNALS.into()));
        }
        self.inner.enqueue_and_claim(tasks, demands).await
    }

    async fn find_idempotent(&self, key: &str) -> Result<Option<IdempotencyHit>, StoreError> {
        self.inner.find_idempotent(key).await
    }

    async fn claim(&self, demands: Vec<ClaimDemand>) -> Result<Vec<Vec<Task>>, StoreError> {
        self.faults.enter("claim").await?;
        let claimed = self.inner.claim(demands).await;
        self.faults.0.send_modify(|state| state.claims_ended += 1);
        claimed
    }

    async fn settle(&self, reports: Vec<Settlement>) -> Items<Settled, SettleError> {
        self.faults.enter("settle").await?;
        self.inner.settle(reports).await
    }

    async fn heartbeat(&self, beats: Vec<Heartbeat>) -> Items<Held, HeartbeatError> {
        self.faults.enter("heartbeat").await?;
        self.inner.heartbeat(beats).await
    }

    async fn cancel(&self, ids: Vec<TaskId>) -> Items<Task, OperateError> {
        self.faults.enter("cancel").await?;
        self.inner.cancel(ids).await
    }

    async fn retry(&self, ids: Vec<TaskId>) -> Items<Task, OperateError> {
        self.faults.enter("retry").await?;
        self.inner.retry(ids).await
    }

    async fn promote_due(&self, limit: usize) -> Result<Promoted, StoreError> {
        self.inner.promote_due(limit).await
    }

    async fn rescue_expired(&self, limit: usize) -> Result<Rescued, StoreError> {
        self.inner.rescue_expired(limit).await
    }

    async fn grant_grace(&self, grace: Duration) -> Result<u64, StoreError> {
        self.faults.enter("grant_grace").await?;
        self.inner.grant_grace(grace).await
    }

    async fn prune(&self, retention: Duration, limit: usize) -> Result<Pruned, StoreError> {
        let pruned = self.inner.prune(retention, limit).await?;
        self.faults.0.send_modify(|state| state.pruned += pruned.tasks + pruned.partitions);
        Ok(pruned)
    }

    async fn get(&self, ids: Vec<TaskId>) -> Result<Vec<Option<Task>>, StoreError> {
        self.faults.enter("get").await?;
        self.inner.get(ids).await
    }

    async fn list(&self, filter: TaskFilter, page: PageRequest) -> Result<TaskPage, StoreError> {
        self.faults.enter("list").await?;
        self.inner.list(filter, page).await
    }

    async fn queues(&self) -> Result<Vec<QueueSummary>, StoreError> {
        self.faults.enter("queues").await?;
        self.inner.queues().await
    }

    async fn set_paused(&self, queue: &str, paused: bool) -> Result<bool, StoreError> {
        self.faults.enter("set_paused").await?;
        self.inner.set_paused(queue, paused).await
    }

    async fn record_workers(&self, seen: Vec<WorkerSeen>) -> Result<(), StoreError> {
        self.inner.record_workers(seen).await
    }

    async fn workers(&self, since: Duration) -> Result<Vec<WorkerSummary>, StoreError> {
        self.faults.enter("workers").await?;
        self.inner.workers(since).await
    }

    async fn woken_by_others(&self) {
        self.inner.woken_by_others().await;
    }

    async fn wake_others(&self) {
        self.inner.wake_others().await;
    }
}

#[async_trait]
impl StoreAdmin for FaultyStore {
    async fn ping(&self) -> Result<Duration, StoreError> {
        self.faults.enter("ping").await?;
        self.inner.ping().await
    }

    async fn probe(&self, by_writing: bool) -> Result<(), StoreError> {
        self.faults.enter("probe").await?;
        self.inner.probe(by_writing).await
    }

    /// The database behind it is well.
    fn set_away(&self, _: bool) {}

    async fn migration_status(&self) -> Result<MigrationStatus, StoreError> {
        self.inner.migration_status().await
    }

    async fn migration_plan(&self, to: Option<u32>) -> Result<MigrationPlan, StoreError> {
        self.inner.migration_plan(to).await
    }

    async fn migrate_up(&self, to: Option<u32>) -> Result<Vec<AppliedMigration>, StoreError> {
        self.inner.migrate_up(to).await
    }

    async fn migrate_down(&self, to: u32) -> Result<Vec<AppliedMigration>, StoreError> {
        self.inner.migrate_down(to).await
    }

    async fn check_schema(&self) -> Result<(), StoreError> {
        self.inner.check_schema().await
    }

    fn statements(&self) -> u64 {
        self.inner.statements()
    }

    /// Nobody's: of a database that fails here, nobody else gets answers that would speak for it.
    fn answers(&self) -> u64 {
        0
    }

    fn pool(&self) -> PoolFigures {
        self.inner.pool()
    }

    async fn wal_bytes(&self) -> Result<Option<u64>, StoreError> {
        self.inner.wal_bytes().await
    }

    async fn durability(&self) -> Result<String, StoreError> {
        self.inner.durability().await
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
