//! Tasks in PostgreSQL, 13 or later.
//!
//! The database owns time: every moment is its `now()`, and durations travel to it relative. Each verb is
//! in a file of its own, beside its SQL. Most verbs are one statement, which is one round trip and one
//! transaction; those that need a decision of the state machine lock their rows, in the order of ids, decide
//! and apply in one transaction.

mod cancel;
mod check;
mod claim;
mod connection;
mod enqueue;
mod error;
mod floors;
mod get;
mod hand_over;
mod heartbeat;
mod list;
mod migrate;
mod moves;
mod partitions;
mod promote;
mod prune;
mod queues;
mod rescue;
mod resolve;
mod retry;
mod rounds;
mod rows;
mod settle;
mod shapes;
mod tls;
pub(crate) mod transfer;
mod wake;
mod workers;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use deadpool_postgres::Pool;
use taskward_core::{NewTask, Task, TaskId};

use crate::migrations::MigrationPlan;
use crate::{
    AppliedMigration, ClaimDemand, EnqueueError, EnqueueMode, Enqueued, HandedOver, Heartbeat,
    HeartbeatError, Held, IdempotencyHit, MigrationStatus, OperateError, PageRequest, PoolFigures, Promoted,
    Pruned, QueueSummary, Rescued, SettleError, Settled, Settlement, StoreAdmin, StoreError, StoreOptions,
    TaskFilter, TaskPage, TaskStore, WorkerSeen, WorkerSummary, migrations,
};
pub(crate) use check::check;
use connection::Target;
use floors::Floors;
use wake::Wake;

/// A PostgreSQL database.
pub struct PostgresStore {
    pool: Pool,
    target: Target,
    options: StoreOptions,
    wake: Wake,
    floors: Floors,
}

impl PostgresStore {
    /// Opens the database a `postgres://` URL names, and checks that it answers. Its schema is left as it is.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`], or [`StoreError::Unavailable`] when it does not answer in time.
    pub async fn connect(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let target = Target::parse(url, &options)?;
        let pool = target.pool(&options)?;
        connection::verify(&pool, options.connect_timeout).await?;
        Ok(Self { pool, target, options, wake: Wake::new(), floors: Floors::default() })
    }
}

#[async_trait]
impl TaskStore for PostgresStore {
    async fn enqueue(
        &self,
        tasks: Vec<NewTask>,
        mode: EnqueueMode,
    ) -> Result<Vec<Result<Enqueued, EnqueueError>>, StoreError> {
        enqueue::enqueue(&self.pool, &self.options, tasks, mode).await
    }

    async fn enqueue_and_claim(
        &self,
        tasks: Vec<NewTask>,
        demands: Vec<ClaimDemand>,
    ) -> Result<HandedOver, StoreError> {
        hand_over::enqueue_and_claim(&self.pool, &self.floors, &self.options, tasks, demands).await
    }

    async fn find_idempotent(&self, key: &str) -> Result<Option<IdempotencyHit>, StoreError> {
        enqueue::find_idempotent(&self.pool, &self.options, key).await
    }

    async fn claim(&self, demands: Vec<ClaimDemand>) -> Result<Vec<Vec<Task>>, StoreError> {
        claim::claim(&self.pool, &self.floors, demands).await
    }

    async fn settle(
        &self,
        reports: Vec<Settlement>,
    ) -> Result<Vec<Result<Settled, SettleError>>, StoreError> {
        settle::settle(&self.pool, self.options.limits.errors_kept, reports).await
    }

    async fn heartbeat(
        &self,
        beats: Vec<Heartbeat>,
    ) -> Result<Vec<Result<Held, HeartbeatError>>, StoreError> {
        heartbeat::heartbeat(&self.pool, beats).await
    }

    async fn cancel(&self, ids: Vec<TaskId>) -> Result<Vec<Result<Task, OperateError>>, StoreError> {
        cancel::cancel(&self.pool, ids).await
    }

    async fn retry(&self, ids: Vec<TaskId>) -> Result<Vec<Result<Task, OperateError>>, StoreError> {
        retry::retry(&self.pool, ids).await
    }

    async fn promote_due(&self, limit: usize) -> Result<Promoted, StoreError> {
        promote::promote(&self.pool, limit).await
    }

    async fn rescue_expired(&self, limit: usize) -> Result<Rescued, StoreError> {
        rescue::rescue(&self.pool, &self.options, limit).await
    }

    async fn prune(&self, retention: Duration, limit: usize) -> Result<Pruned, StoreError> {
        prune::prune(&self.pool, &self.target, &self.options, retention, limit).await
    }

    async fn get(&self, ids: Vec<TaskId>) -> Result<Vec<Option<Task>>, StoreError> {
        get::get(&self.pool, ids).await
    }

    async fn list(&self, filter: TaskFilter, page: PageRequest) -> Result<TaskPage, StoreError> {
        list::list(&self.pool, self.options.statement_timeout, filter, page).await
    }

    async fn queues(&self) -> Result<Vec<QueueSummary>, StoreError> {
        queues::queues(&self.pool, self.options.statement_timeout).await
    }

    async fn set_paused(&self, queue: &str, paused: bool) -> Result<bool, StoreError> {
        queues::set_paused(&self.pool, queue, paused).await
    }

    async fn record_workers(&self, seen: Vec<WorkerSeen>) -> Result<(), StoreError> {
        workers::record(&self.pool, seen).await
    }

    async fn workers(&self, since: Duration) -> Result<Vec<WorkerSummary>, StoreError> {
        workers::workers(&self.pool, self.options.statement_timeout, since).await
    }

    async fn woken_by_others(&self) {
        self.wake.woken(&self.target).await;
    }

    async fn wake_others(&self) {
        if let Err(error) = self.wake.send(&self.pool).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a wake-up was not sent");
        }
    }
}

#[async_trait]
impl StoreAdmin for PostgresStore {
    async fn ping(&self) -> Result<Duration, StoreError> {
        let begun = Instant::now();
        connection::verify(&self.pool, self.options.connect_timeout).await?;
        Ok(begun.elapsed())
    }

    async fn migration_status(&self) -> Result<MigrationStatus, StoreError> {
        migrate::status(&self.target).await
    }

    async fn migration_plan(&self, to: Option<u32>) -> Result<MigrationPlan, StoreError> {
        migrate::plan(&self.target, to).await
    }

    async fn migrate_up(&self, to: Option<u32>) -> Result<Vec<AppliedMigration>, StoreError> {
        migrate::up(&self.target, to).await
    }

    async fn migrate_down(&self, to: u32) -> Result<Vec<AppliedMigration>, StoreError> {
        migrate::down(&self.target, to).await
    }

    async fn check_schema(&self) -> Result<(), StoreError> {
        migrations::require_current(&migrate::status(&self.target).await?)
    }

    fn statements(&self) -> u64 {
        connection::statements()
    }

    fn pool(&self) -> PoolFigures {
        connection::figures(&self.pool)
    }

    async fn wal_bytes(&self) -> Result<Option<u64>, StoreError> {
        const SQL: &str = "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint";
        let row = connection::take(&self.pool).await?.query_one(SQL, &[]).await?;
        Ok(u64::try_from(row.try_get::<_, i64>(0)?).ok())
    }

    async fn durability(&self) -> Result<String, StoreError> {
        const SQL: &str = "SELECT string_agg(name || '=' || setting, ', ' ORDER BY name) FROM pg_settings
                           WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')";
        Ok(connection::take(&self.pool).await?.query_one(SQL, &[]).await?.try_get(0)?)
    }

    fn describe(&self) -> String {
        self.target.describe()
    }

    async fn close(&self) {
        self.wake.close();
        self.pool.close();
    }
}
