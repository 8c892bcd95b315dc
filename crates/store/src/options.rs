//! What a store has to be told when it is opened.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use taskward_core::Limits;

use crate::sqlite::wal::Follower;

/// The settings of a store, the same for both databases.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `crashes_max` and `errors_kept` are applied here, since only the store sees the task's row.
    pub limits: Limits,
    /// How long an idempotency key is remembered.
    pub idempotency_window: Duration,
    /// Connections to PostgreSQL, or readers of SQLite.
    pub pool_size: usize,
    /// The URL of a standby that answers reads while the database is away; of PostgreSQL only.
    pub replica_url: Option<SecretString>,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long one statement of a reader may take.
    pub statement_timeout: Duration,
    /// What becomes of SQLite's log.
    pub log: SqliteLog,
}

/// What becomes of SQLite's log.
#[derive(Debug, Clone, Default)]
pub enum SqliteLog {
    /// It is moved into the database file now and then.
    #[default]
    Discarded,
    /// Somebody archives it, and decides when it is moved: it is left alone.
    LeftAlone,
    /// The writer tells this one, who archives it.
    Followed(Arc<Follower>),
}

impl SqliteLog {
    /// Whether somebody archives it.
    pub(crate) fn is_kept(&self) -> bool {
        !matches!(self, Self::Discarded)
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            idempotency_window: Duration::from_secs(24 * 3600),
            pool_size: 8,
            replica_url: None,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            log: SqliteLog::Discarded,
        }
    }
}
