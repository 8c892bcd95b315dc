//! From a database URL to a store.

use std::path::PathBuf;
use std::sync::Arc;

use crate::postgres::PostgresStore;
use crate::sqlite::SqliteStore;
use crate::{StoreAdmin, StoreError, StoreOptions, TaskStore};

/// A database, for tasks and for its operator.
pub trait Store: TaskStore + StoreAdmin {}

impl<T: TaskStore + StoreAdmin> Store for T {}

/// Opens the database a URL names: `sqlite:PATH` (the file is created) or `postgres://…`. The schema is
/// neither checked nor changed; see [`StoreAdmin::migrate_up`] and [`StoreAdmin::check_schema`].
///
/// # Errors
/// [`StoreError::InvalidUrl`] for anything else, [`StoreError::Unavailable`] when it cannot be reached.
pub async fn open(url: &str, options: StoreOptions) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match Address::of(url)? {
        Address::Sqlite(path) => Arc::new(SqliteStore::open(&path, options).await?),
        Address::Postgres(url) => Arc::new(PostgresStore::connect(url, options).await?),
    })
}

/// Where a database is.
pub(crate) enum Address<'a> {
    /// In a file.
    Sqlite(PathBuf),
    /// Behind a URL, which may hold a password.
    Postgres(&'a str),
}

impl<'a> Address<'a> {
    /// Reads a URL.
    pub(crate) fn of(url: &'a str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Ok(Self::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path))));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url));
        }
        Err(StoreError::InvalidUrl("it begins with neither sqlite: nor postgres://".to_owned()))
    }
}
