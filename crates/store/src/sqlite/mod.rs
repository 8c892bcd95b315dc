//! The store in a SQLite file: one writer thread, a few readers, the process's clock.
//!
//! Every verb is a function in the file of its name, run inside a transaction: by `writer` when it writes,
//! by `readers` when it only reads. There can be no second instance to wake: whoever else opens the file is
//! kept apart by SQLite's locks, but nothing tells it about new tasks.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use taskward_core::{NewTask, Task, TaskId};

use crate::migrations::MigrationPlan;
use crate::{
    AppliedMigration, ClaimDemand, EnqueueError, EnqueueMode, Enqueued, HandedOver, Heartbeat,
    HeartbeatError, Held, IdempotencyHit, MigrationStatus, OperateError, PageRequest, PoolFigures, Promoted,
    Pruned, QueueSummary, Rescued, SettleError, Settled, Settlement, StoreAdmin, StoreError, StoreOptions,
    TaskFilter, TaskPage, TaskStore, WorkerSeen, WorkerSummary, migrations,
};

mod cancel;
mod check;
mod claim;
mod clock;
mod connection;
mod copy;
mod counts;
mod enqueue;
mod epoch;
mod examine;
mod failure;
mod get;
mod grant_grace;
mod heartbeat;
mod idempotency;
mod list;
mod migrate;
mod probe;
mod promote;
mod prune;
mod queues;
mod readers;
mod rescue;
mod retry;
mod rows;
mod settle;
mod since;
mod status;
pub(crate) mod transfer;
mod users;
mod values;
pub mod wal;
mod workers;
mod writer;

pub(crate) use check::check;
pub use connection::DURABILITY;
pub use copy::copy;
pub use epoch::{begin_epoch, forget};
pub use examine::{examine, examine_quickly};
pub use migrate::newest_schema;
pub use since::since;

/// Tasks in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    options: StoreOptions,
    writer: writer::Writer,
    readers: readers::Readers,
}

impl SqliteStore {
    /// Opens a database file, created with its directories when missing, readable by its owner only. The
    /// schema is neither checked nor changed.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`] when the file cannot be created for want of permission or space,
    /// [`StoreError::Unavailable`] when it cannot be opened, [`StoreError::Corrupt`] when it is no database.
    pub async fn open(path: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let path = path.to_owned();
        blocking(move || {
            let connection = connection::open_writer(&path, &options)?;
            let writer = writer::Writer::start(connection, &path, options.clone())?;
            let readers = readers::Readers::new(path.clone(), options.clone());
            Ok(Self { path, options, writer, readers })
        })
        .await
    }
}

/// Runs what blocks away from the runtime's own threads.
async fn blocking<T, F>(work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Rejected(error.into()))?
}

#[async_trait]
impl TaskStore for SqliteStore {
    async fn enqueue(
        &self,
        tasks: Vec<NewTask>,
        mode: EnqueueMode,
    ) -> Result<Vec<Result<Enqueued, EnqueueError>>, StoreError> {
        self.writer.run(move |write| enqueue::enqueue(write, tasks, mode)).await
    }

    async fn enqueue_and_claim(
        &self,
        tasks: Vec<NewTask>,
        demands: Vec<ClaimDemand>,
    ) -> Result<HandedOver, StoreError> {
        let together = move |write: &mut writer::Write<'_>| {
            let enqueued = enqueue::enqueue(write, tasks, EnqueueMode::Each)?;
            Ok(HandedOver { enqueued, claimed: claim::claim(write, &demands)? })
        };
        self.writer.run(together).await
    }

    async fn find_idempotent(&self, key: &str) -> Result<Option<IdempotencyHit>, StoreError> {
        let (key, window) = (key.to_owned(), self.options.idempotency_window);
        self.readers.run(move |read| idempotency::find(read, &key, clock::now(), window)).await
    }

    async fn claim(&self, demands: Vec<ClaimDemand>) -> Result<Vec<Vec<Task>>, StoreError> {
        self.writer.run(move |write| claim::claim(write, &demands)).await
    }

    async fn settle(
        &self,
        reports: Vec<Settlement>,
    ) -> Result<Vec<Result<Settled, SettleError>>, StoreError> {
        self.writer.run(move |write| settle::settle(write, &reports)).await
    }

    async fn heartbeat(
        &self,
        beats: Vec<Heartbeat>,
    ) -> Result<Vec<Result<Held, HeartbeatError>>, StoreError> {
        self.writer.run(move |write| heartbeat::heartbeat(write, &beats)).await
    }

    async fn cancel(&self, ids: Vec<TaskId>) -> Result<Vec<Result<Task, OperateError>>, StoreError> {
        self.writer.run(move |write| cancel::cancel(write, &ids)).await
    }

    async fn retry(&self, ids: Vec<TaskId>) -> Result<Vec<Result<Task, OperateError>>, StoreError> {
        self.writer.run(move |write| retry::retry(write, &ids)).await
    }

    async fn promote_due(&self, limit: usize) -> Result<Promoted, StoreError> {
        self.writer.run(move |write| promote::promote_due(write, limit)).await
    }

    async fn rescue_expired(&self, limit: usize) -> Result<Rescued, StoreError> {
        self.writer.run(move |write| rescue::rescue_expired(write, limit)).await
    }

    async fn grant_grace(&self, grace: Duration) -> Result<u64, StoreError> {
        self.writer.run(move |write| grant_grace::grant_grace(write, grace)).await
    }

    async fn prune(&self, retention: Duration, limit: usize) -> Result<Pruned, StoreError> {
        self.writer.run(move |write| prune::prune(write, retention, limit)).await
    }

    async fn get(&self, ids: Vec<TaskId>) -> Result<Vec<Option<Task>>, StoreError> {
        self.readers.run(move |read| get::get(read, &ids)).await
    }

    async fn list(&self, filter: TaskFilter, page: PageRequest) -> Result<TaskPage, StoreError> {
        self.readers.run(move |read| list::list(read, &filter, page)).await
    }

    async fn queues(&self) -> Result<Vec<QueueSummary>, StoreError> {
        self.readers.run(|read| queues::queues(read)).await
    }

    async fn set_paused(&self, queue: &str, paused: bool) -> Result<bool, StoreError> {
        let queue = queue.to_owned();
        self.writer.run(move |write| queues::set_paused(write, &queue, paused)).await
    }

    async fn record_workers(&self, seen: Vec<WorkerSeen>) -> Result<(), StoreError> {
        self.writer.run(move |write| workers::record(write, &seen)).await
    }

    async fn workers(&self, since: Duration) -> Result<Vec<WorkerSummary>, StoreError> {
        self.readers.run(move |read| workers::workers(read, since)).await
    }

    async fn woken_by_others(&self) {
        std::future::pending::<()>().await;
    }

    async fn wake_others(&self) {}
}

#[async_trait]
impl StoreAdmin for SqliteStore {
    async fn ping(&self) -> Result<Duration, StoreError> {
        let asked = Instant::now();
        // The schema is on the file's first page: this reads it, where SELECT 1 would touch nothing.
        self.readers
            .run(|read| {
                Ok(read.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?)
            })
            .await?;
        Ok(asked.elapsed())
    }

    async fn probe(&self, by_writing: bool) -> Result<(), StoreError> {
        let path = self.path.clone();
        blocking(move || probe::look(&path, by_writing)).await?;
        if by_writing {
            self.writer.run(probe::write).await?;
        }
        Ok(())
    }

    /// There is nobody to wait for: a file answers, or fails.
    fn set_away(&self, _: bool) {}

    async fn migration_status(&self) -> Result<MigrationStatus, StoreError> {
        self.readers.run(|read| migrate::status(read)).await
    }

    async fn migration_plan(&self, to: Option<u32>) -> Result<MigrationPlan, StoreError> {
        let (path, options) = (self.path.clone(), self.options.clone());
        // On a connection of its own, without the time limit of readers: it counts whole tables.
        blocking(move || migrate::plan(&connection::open_reader(&path, &options)?, to)).await
    }

    async fn migrate_up(&self, to: Option<u32>) -> Result<Vec<AppliedMigration>, StoreError> {
        let (path, options) = (self.path.clone(), self.options.clone());
        blocking(move || migrate::up(&path, &options, to)).await
    }

    async fn migrate_down(&self, to: u32) -> Result<Vec<AppliedMigration>, StoreError> {
        let (path, options) = (self.path.clone(), self.options.clone());
        blocking(move || migrate::down(&path, &options, to)).await
    }

    async fn check_schema(&self) -> Result<(), StoreError> {
        migrations::require_current(&self.migration_status().await?)
    }

    fn statements(&self) -> u64 {
        connection::statements()
    }

    fn answers(&self) -> u64 {
        connection::statements()
    }

    fn pool(&self) -> PoolFigures {
        self.readers.figures()
    }

    async fn wal_bytes(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    async fn durability(&self) -> Result<String, StoreError> {
        Ok(DURABILITY.to_owned())
    }

    fn describe(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}
