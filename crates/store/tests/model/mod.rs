//! Property tests: random histories of a store against a simple model of it.
//!
//! The model is a map of tasks and [`taskward_core::transition`]; see [`world`]. After every step each task
//! is read back and must be exactly what the model says: so no task is lost, none makes a transition that is
//! not in the diagram, lease numbers only grow, and a report of an earlier lease changes nothing. The kept
//! counters must equal a recount.
//!
//! A backend's test file declares `mod model;` beside `mod conformance;` and expands
//! `model::model_suite!(crate::fresh);`. `PROPTEST_CASES` sets how many histories are tried.

use std::sync::Arc;

use proptest::test_runner::{Config, TestRunner};

use crate::conformance::{Database, Fixture};

mod apply;
mod steps;
mod world;

/// Histories per run, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 32;

/// Steps of the longest history.
const STEPS: usize = 60;

/// Expands to the property tests of one backend.
macro_rules! model_suite {
    ($fresh:path) => {
        mod model_suite {
            #[test]
            fn random_histories_follow_the_model() {
                $crate::model::random_histories_follow_the_model(|| async { $fresh().await });
            }
        }
    };
}
pub(crate) use model_suite;

/// Runs random histories, each in a database of its own.
pub(crate) fn random_histories_follow_the_model<F>(fresh: impl Fn() -> F)
where
    F: Future<Output = Arc<dyn Database>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be started");
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let config = Config { cases, max_shrink_iters: 300, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&steps::history(STEPS), |history| {
        runtime.block_on(async {
            let fixture = Fixture { database: fresh().await };
            apply::follow(&*fixture.store().await, &history).await;
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
