//! The readers: a few read-only connections, used from the runtime's threads for blocking work.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rusqlite::{Connection, Transaction};
use tokio::sync::Semaphore;

use super::{connection, failure};
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
}

impl Readers {
    pub(super) fn new(path: PathBuf, options: StoreOptions) -> Self {
        let slots = Arc::new(Semaphore::new(options.pool_size.clamp(1, READERS_MAX)));
        Self(Arc::new(Pool { path, options, idle: Mutex::default(), slots }))
    }

    /// Runs `work` on one consistent snapshot of the database.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let slot =
            tokio::time::timeout(self.0.options.statement_timeout, Arc::clone(&self.0.slots).acquire_owned())
                .await
                .map_err(|_| StoreError::Timeout)?
                .map_err(|_| failure::closed())?;
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
