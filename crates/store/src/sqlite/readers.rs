//! The readers: a few read-only connections, used from the runtime's threads for blocking work.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rusqlite::{Connection, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{connection, failure};
use crate::pool::{PoolFigures, Waits};
use crate::{StoreError, StoreOptions};

/// More readers would only compete for the page cache.
const READERS_MAX: usize = 4;

/// SQLite's virtual machine looks at the deadline once in this many of its steps, well under a millisecond.
const STEPS_PER_CHECK: i32 = 10_000;

/// The pool. Connections are opened when first needed.
#[derive(Debug, Clone)]
pub(super) struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    options: StoreOptions,
    idle: Mutex<Vec<Connection>>,
    slots: Arc<Semaphore>,
    size: usize,
    waits: Waits,
    waiting: AtomicUsize,
}

/// A call that waits for a slot; also one that gives up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Readers {
    pub(super) fn new(path: PathBuf, options: StoreOptions) -> Self {
        let size = options.pool_size.clamp(1, READERS_MAX);
        let slots = Arc::new(Semaphore::new(size));
        let (idle, waits, waiting) = (Mutex::default(), Waits::new(), AtomicUsize::new(0));
        Self(Arc::new(Pool { path, options, idle, slots, size, waits, waiting }))
    }

    /// How busy they are.
    pub(super) fn figures(&self) -> PoolFigures {
        let in_use = self.0.size.saturating_sub(self.0.slots.available_permits());
        let open = self.0.idle().len() + in_use;
        self.0.waits.figures(self.0.size, open, in_use, self.0.waiting.load(Ordering::Relaxed))
    }

    /// Runs `work` on one consistent snapshot of the database.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let slot = self.0.slot().await?;
        let pool = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let _slot = slot;
            let mut connection = pool.take()?;
            let outcome = pool.read(&mut connection, work);
            pool.give_back(connection);
            outcome
        })
        .await
        .map_err(|error| StoreError::Rejected(error.into()))?
    }

    /// Closes the connections; those in use are closed by their users.
    pub(super) fn close(&self) {
        self.0.slots.close();
        self.0.idle().clear();
    }
}

impl Pool {
    /// Waits until one of the connections is free.
    async fn slot(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let begun = Instant::now();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        let slot = Arc::clone(&self.slots).acquire_owned();
        let slot = tokio::time::timeout(self.options.statement_timeout, slot).await;
        drop(waiting);
        self.waits.waited(begun.elapsed());
        slot.map_err(|_| StoreError::Timeout)?.map_err(|_| failure::closed())
    }

    fn take(&self) -> Result<Connection, StoreError> {
        // In a statement of its own: the pool is not locked while a connection is being opened.
        let idle = self.idle().pop();
        idle.map_or_else(|| connection::open_reader(&self.path, &self.options), Ok)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle();
        if !self.slots.is_closed() {
            idle.push(connection);
        }
    }

    fn read<T, F>(&self, connection: &mut Connection, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    {
        let deadline = Instant::now() + self.options.statement_timeout;
        connection.progress_handler(STEPS_PER_CHECK, Some(move || Instant::now() >= deadline))?;
        // Dropping a transaction rolls it back, which for a reader is the same as committing.
        work(&connection.transaction()?)
    }

    /// A poisoned lock is no reason to stop: a list of connections is never half changed.
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
