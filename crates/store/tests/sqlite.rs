//! The SQLite store, through the suite that every store passes and through cases of its own.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use taskward_store::sqlite::SqliteStore;
use taskward_store::{Store, StoreOptions};
use tempfile::TempDir;

mod conformance;
mod model;

/// A database file in a directory of its own.
struct SqliteFile {
    directory: TempDir,
}

impl SqliteFile {
    fn path(&self) -> PathBuf {
        self.directory.path().join("data").join("taskward.db")
    }
}

#[async_trait]
impl conformance::Database for SqliteFile {
    async fn open(&self, options: StoreOptions) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.path(), options).await.expect("the file can be opened"))
    }

    async fn execute(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.path()).expect("the file can be opened");
        connection.execute_batch(sql).expect("the SQL runs");
    }
}

async fn fresh() -> Arc<dyn conformance::Database> {
    Arc::new(SqliteFile { directory: tempfile::tempdir().expect("a directory can be made") })
}

conformance::conformance_suite!(crate::fresh);
model::model_suite!(crate::fresh);
