//! The PostgreSQL store, through the suite that every store passes and through cases of its own. Each test
//! has a server of its own, which does not wait for the disk unless the test is about crashes.

use std::sync::Arc;

use async_trait::async_trait;
use taskward_store::postgres::PostgresStore;
use taskward_store::{Store, StoreOptions};
use taskward_testkit::postgres::TempPostgres;

mod conformance;
mod model;
mod postgres_cases;

/// A database on a server of its own.
struct PostgresDatabase {
    server: TempPostgres,
    url: String,
}

impl PostgresDatabase {
    fn fresh() -> Self {
        let server = TempPostgres::start_without_fsync();
        let url = server.create_database();
        Self { server, url }
    }
}

#[async_trait]
impl conformance::Database for PostgresDatabase {
    async fn open(&self, options: StoreOptions) -> Arc<dyn Store> {
        Arc::new(PostgresStore::connect(&self.url, options).await.expect("the server answers"))
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    async fn execute(&self, sql: &str) {
        self.server.execute("test_0", sql);
    }

    fn bytes(&self, hexadecimal: &str) -> String {
        format!("'\\x{hexadecimal}'::bytea")
    }
}

async fn fresh() -> Arc<dyn conformance::Database> {
    Arc::new(PostgresDatabase::fresh())
}

thread_local! {
    /// The server of the test that runs on this thread: the model's test makes a database per history, and
    /// a server for each would take longer than the histories. It ends with the thread.
    static SERVER: TempPostgres = TempPostgres::start_without_fsync();
}

/// A database on a server that outlives it.
struct SharedDatabase {
    url: String,
}

#[async_trait]
impl conformance::Database for SharedDatabase {
    async fn open(&self, options: StoreOptions) -> Arc<dyn Store> {
        Arc::new(PostgresStore::connect(&self.url, options).await.expect("the server answers"))
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    async fn execute(&self, _sql: &str) {
        unreachable!("the model damages nothing");
    }
}

async fn another() -> Arc<dyn conformance::Database> {
    Arc::new(SharedDatabase { url: SERVER.with(TempPostgres::create_database) })
}

conformance::conformance_suite!(crate::fresh);
model::model_suite!(crate::another);
