//! Running a module's tests on both databases.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use taskward_testkit::postgres::TempPostgres;

use super::Backend;

/// A test that takes the database it runs on.
pub(crate) type Scenario = (&'static str, fn(Backend) -> Pin<Box<dyn Future<Output = ()>>>);

/// Declares `async fn(Backend)`s as tests: `both` on SQLite, each a test of its own, and all of them on
/// PostgreSQL, as one test for the module. Each has a fresh database, but they share the server: starting
/// one takes a second of processor time, and a process of its own is all that nextest gives a test.
macro_rules! on_every_database {
    (both: $($both:ident),+ $(; postgres: $($postgres:ident),+)?) => {
        mod on_sqlite {
            $(
                #[tokio::test]
                async fn $both() {
                    super::$both($crate::support::Backend::Sqlite).await;
                }
            )+
        }

        #[test]
        fn on_postgres() {
            $crate::support::run_on_postgres(&[
                $((stringify!($both), |backend| Box::pin($both(backend))),)+
                $($((stringify!($postgres), |backend| Box::pin($postgres(backend))),)+)?
            ]);
        }
    };
}

#[expect(clippy::print_stdout, reason = "several tests in one: the output tells them apart")]
pub(crate) fn run_on_postgres(scenarios: &[Scenario]) {
    let server = Arc::new(TempPostgres::start_without_fsync());
    let mut failed = Vec::new();
    for (name, scenario) in scenarios {
        let started = Instant::now();
        let backend = Backend::Postgres(Arc::clone(&server));
        // A runtime of its own: what a test leaves running ends with it.
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(scenario(backend));
        };
        let outcome = if catch_unwind(AssertUnwindSafe(run)).is_ok() { "ok" } else { "FAILED" };
        println!("{name} ... {outcome} ({:?})", started.elapsed());
        if outcome != "ok" {
            failed.push(*name);
        }
    }
    assert!(failed.is_empty(), "failed on PostgreSQL: {failed:?}");
}
