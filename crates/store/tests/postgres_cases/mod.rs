//! What only PostgreSQL can do, or suffer.

mod concurrency;
mod floors;
mod outage;
mod partitions;
mod plans;
mod refusals;
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

    /// Opens a transaction that sees the database as it is now, and holds it until the test is over.
    async fn hold(&self) -> tokio::task::JoinHandle<()> {
        let config: tokio_postgres::Config = self.url.parse().expect("a URL");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("connect");
        tokio::spawn(connection);
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await.expect("begin");
        tokio::spawn(async move {
            let _open = client;
            std::future::pending::<()>().await;
        })
    }

    /// Runs SQL through psql.
    fn sql(&self, sql: &str) -> String {
        self.server.execute("test_0", sql).trim().to_owned()
    }
}
