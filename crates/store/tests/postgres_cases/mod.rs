//! What only PostgreSQL can do, or suffer.

mod concurrency;
mod outage;
mod partitions;
mod plans;
mod report;
mod wake;

use std::sync::Arc;
use std::time::Duration;

use taskward_store::StoreOptions;
use taskward_store::postgres::PostgresStore;

use crate::PostgresDatabase;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

impl PostgresDatabase {
    /// A store on the database, with the schema in place.
    async fn store(&self) -> Arc<PostgresStore> {
        use taskward_store::StoreAdmin;

        let store = PostgresStore::connect(&self.url, StoreOptions::default()).await.expect("connect");
        store.migrate_up(None).await.expect("migrations apply");
        Arc::new(store)
    }

    /// Runs SQL through psql.
    fn sql(&self, sql: &str) -> String {
        self.server.execute("test_0", sql).trim().to_owned()
    }
}
