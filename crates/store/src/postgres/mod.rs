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
mod copy_watch;
mod databases;
mod enqueue;
mod epoch;
mod error;
mod facts;
mod floors;
mod gate;
mod get;
mod grant_grace;
mod hand_over;
mod heartbeat;
mod hosts;
mod list;
mod migrate;
mod moves;
mod partitions;
mod probe;
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
mod since;
mod tls;
pub(crate) mod transfer;
mod wake;
mod wal;
mod workers;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use taskward_core::{NewTask, Task, TaskId};

use crate::migrations::MigrationPlan;
use crate::{
    AppliedMigration, ClaimDemand, EnqueueError, EnqueueMode, Enqueued, HandedOver, Heartbeat,
    HeartbeatError, Held, IdempotencyHit, MigrationStatus, OperateError, PageRequest, PoolFigures, Promoted,
    Pruned, QueueSummary, Rescued, SettleError, Settled, Settlement, StoreAdmin, StoreError, StoreOptions,
    TaskFilter, TaskPage, TaskStore, WorkerSeen, WorkerSummary, migrations,
};
pub(crate) use check::check;
use connection::{Pool, Target};
use floors::Floors;
use probe::Probe;
use wake::Wake;

pub use copy_watch::CopyWatch;
pub use databases::{create_database, drop_database, has_database};
pub use epoch::{begin_epoch, forget};
pub use facts::{Facts, Snapshot, examine, facts, snapshot};
pub use since::since;
pub use wal::{WalArchiver, WalSession, WalSlot, WalState};

/// A PostgreSQL database.
pub struct PostgresStore {
    pool: Pool,
    /// A standby, for reads while the server is away.
    replica: Option<Pool>,
    target: Target,
    probe: Probe,
    options: StoreOptions,
    wake: Wake,
    floors: Floors,
}

impl PostgresStore {
    /// Opens the database a `postgres://` URL names, and checks that it answers. Its schema is left as it is. The
    /// replica of the options is connected to when it is needed.
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`], or [`StoreError::Unavailable`] when it does not answer in time.
    pub async fn connect(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let target = Target::parse(url, &options)?;
        let pool = target.pool(&options)?;
        let replica = options.replica_url.as_ref();
        let replica =
            replica.map(|url| Target::parse(url.expose_secret(), &options)?.pool(&options)).transpose()?;
        connection::verify(&pool, options.connect_timeout).await?;
        let (probe, wake, floors) = (Probe::default(), Wake::new(), Floors::default());
        Ok(Self { pool, replica, target, probe, options, wake, floors })
    }

    /// Where reads go: to the replica only while there is nothing better, since it may be a moment behind.
    fn reading(&self) -> &Pool {
        match &self.replica {
            Some(replica) if self.target.gate.is_shut() => replica,
            _ => &self.pool,
        }
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
        promote::promote(&self.pool, &self.floors, limit).await
    }

    async fn rescue_expired(&self, limit: usize) -> Result<Rescued, StoreError> {
        rescue::rescue(&self.pool, &self.options, limit).await
    }

    async fn grant_grace(&self, grace: Duration) -> Result<u64, StoreError> {
        grant_grace::grant_grace(&self.pool, grace).await
    }

    async fn prune(&self, retention: Duration, limit: usize) -> Result<Pruned, StoreError> {
        prune::prune(&self.pool, &self.target, &self.options, retention, limit).await
    }

    async fn get(&self, ids: Vec<TaskId>) -> Result<Vec<Option<Task>>, StoreError> {
        get::get(self.reading(), ids).await
    }

    async fn list(&self, filter: TaskFilter, page: PageRequest) -> Result<TaskPage, StoreError> {
        list::list(self.reading(), self.options.statement_timeout, filter, page).await
    }

    async fn queues(&self) -> Result<Vec<QueueSummary>, StoreError> {
        queues::queues(self.reading(), &self.target, self.options.statement_timeout).await
    }

    async fn set_paused(&self, queue: &str, paused: bool) -> Result<bool, StoreError> {
        queues::set_paused(&self.pool, queue, paused).await
    }

    async fn record_workers(&self, seen: Vec<WorkerSeen>) -> Result<(), StoreError> {
        workers::record(&self.pool, seen).await
    }

    async fn workers(&self, since: Duration) -> Result<Vec<WorkerSummary>, StoreError> {
        workers::workers(self.reading(), self.options.statement_timeout, since).await
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
        connection::verify(self.reading(), self.options.connect_timeout).await?;
        Ok(begun.elapsed())
    }

    /// The answer says whether writes are taken: nothing is written.
    async fn probe(&self, _: bool) -> Result<(), StoreError> {
        self.probe.ask(&self.target).await
    }

    fn set_away(&self, away: bool) {
        self.target.gate.set_shut(away);
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

    fn answers(&self) -> u64 {
        connection::answers()
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
        self.probe.close().await;
        self.pool.close();
        if let Some(replica) = &self.replica {
            replica.close();
        }
    }
}
