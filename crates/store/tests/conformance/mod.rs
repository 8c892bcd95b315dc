//! The conformance suite: what every store promises, as cases that any backend runs.
//!
//! A backend's test file declares `mod conformance;`, implements [`Database`] for its kind of database and
//! expands the suite with the path of an async function that makes a fresh, empty one:
//!
//! ```ignore
//! mod conformance;
//! async fn fresh() -> Arc<dyn conformance::Database> { … }
//! conformance::conformance_suite!(crate::fresh);
//! ```
//!
//! Each case is one `#[tokio::test]` and gets a database of its own. No case sleeps for longer than the store
//! itself says: leases and delays of zero are over at once.

use std::sync::Arc;

use async_trait::async_trait;
use taskward_store::{Store, StoreOptions};

pub(crate) mod build;
pub(crate) mod claim;
pub(crate) mod enqueue;

/// A database that only one case uses. Dropping it removes it.
#[async_trait]
pub(crate) trait Database: Send + Sync {
    /// Opens the database, as one more instance of the service would. The schema is left as it is: in a
    /// fresh database there is none.
    async fn open(&self, options: StoreOptions) -> Arc<dyn Store>;

    /// Runs SQL behind the stores' back, for the cases that damage something.
    async fn execute(&self, sql: &str);
}

/// What a case gets.
pub(crate) struct Fixture {
    /// The database.
    pub(crate) database: Arc<dyn Database>,
}

impl Fixture {
    /// A store on the database with default options, and the schema in place.
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        self.store_with(StoreOptions::default()).await
    }

    /// The same with other options.
    pub(crate) async fn store_with(&self, options: StoreOptions) -> Arc<dyn Store> {
        let store = self.database.open(options).await;
        store.migrate_up(None).await.expect("migrations apply");
        store
    }
}

/// Expands to one test per case, in a module per verb. `$fresh` is the absolute path of an
/// `async fn() -> Arc<dyn Database>`.
macro_rules! conformance_suite {
    ($fresh:path) => {
        $crate::conformance::conformance_cases! { $fresh;
            enqueue { created_task_is_returned_as_stored }
            claim { nothing_to_claim_gives_empty_lists }
        }
    };
}

macro_rules! conformance_cases {
    ($fresh:path; $($module:ident { $($case:ident),* $(,)? })*) => {
        $(mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let fixture = $crate::conformance::Fixture { database: $fresh().await };
                    $crate::conformance::$module::$case(fixture).await;
                }
            )*
        })*
    };
}

pub(crate) use {conformance_cases, conformance_suite};
