//! The PostgreSQL store, through the suite that every store passes and through cases of its own. Each test
//! has a server of its own, which does not wait for the disk unless the test is about crashes.

use std::sync::Arc;

use async_trait::async_trait;
use taskward_store::postgres::PostgresStore;
use taskward_store::{Store, StoreOptions};
use taskward_testkit::postgres::TempPostgres;

mod conformance;

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

conformance::conformance_suite!(crate::fresh);
