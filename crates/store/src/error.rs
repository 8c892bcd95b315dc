//! What can go wrong between the service and its database.

use std::error::Error;

use crate::HalfSwapped;

/// A store call that did not happen, as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database cannot be reached, is shutting down, or refuses connections. Nothing was changed by
    /// calls that were not sent; a call cut off on the way may have been applied.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The call took longer than it may.
    #[error("the database did not answer in time")]
    Timeout,
    /// The database refuses writes: a full disk, a read-only file, a standby.
    #[error("the database refuses writes")]
    ReadOnly(#[source] Box<dyn Error + Send + Sync>),
    /// The schema is not the one this program knows.
    #[error("the database has schema version {found}, this program knows versions up to {known}")]
    SchemaTooNew {
        /// The database's version.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// The schema is older than this program needs.
    #[error("the database has schema version {found}, this program needs version {needed}")]
    SchemaTooOld {
        /// The database's version; 0 for an empty database.
        found: u32,
        /// The version this program needs.
        needed: u32,
    },
    /// A migration that was applied is not the one this program carries.
    #[error("migration {version} ({name}) was applied with another text than this program's")]
    MigrationChanged {
        /// The migration's number.
        version: u32,
        /// Its name.
        name: String,
    },
    /// The database holds a part of another one: a move to it was begun and not finished.
    #[error("the database holds only a part of {from}: its move was not finished")]
    UnfinishedMove {
        /// What was being moved; holds no secret.
        from: String,
    },
    /// The database was taken away by a restore that was interrupted before it had put another one there. Nothing was
    /// created in its place.
    #[error("{0}")]
    HalfSwapped(HalfSwapped),
    /// There is no such migration.
    #[error("there is no migration {0}")]
    UnknownMigration(u32),
    /// The URL is neither `sqlite:PATH` nor `postgres://…`, or cannot be used. Carries no password.
    #[error("the database URL cannot be used: {0}")]
    InvalidUrl(String),
    /// The rows are not what this program writes.
    #[error("the database holds something unexpected: {0}")]
    Corrupt(String),
    /// Anything else the database said: a constraint, a syntax error, a lack of memory.
    #[error("the database refused the call")]
    Rejected(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// Whether the same call may succeed later, with nothing changed by anybody.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Timeout | Self::ReadOnly(_))
    }
}
