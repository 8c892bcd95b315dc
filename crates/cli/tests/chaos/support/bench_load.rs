//! `taskward bench` as load beside a test.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_local};
use tokio_util::sync::CancellationToken;

use super::process::Output;
use super::{Process, Service};

/// How long one run takes, without its beginning and end.
const RUN_FOR: &str = "2s";
/// Between two runs, so that a service that is down is not asked all the time.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs of `taskward bench`, one after the other: tasks are added, claimed and completed as fast as it goes, in
/// queues of the runs' own.
pub(crate) struct BenchLoad {
    enough: CancellationToken,
    runs: JoinHandle<Runs>,
}

/// How the runs ended.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Runs {
    /// The run's books and the service's agreed.
    pub(crate) agreed: usize,
    /// The service went away meanwhile, or was not there.
    pub(crate) interrupted: usize,
}

impl BenchLoad {
    /// Starts the load on a service. A run that takes longer than the patience is killed: one whose service was
    /// killed first waits for the leases of the claims it has lost. Needs a `LocalSet`.
    pub(crate) fn start(service: &Service, patience: Duration) -> Self {
        let enough = CancellationToken::new();
        let runs = spawn_local(run(service.url(), service.load_output(), patience, enough.clone()));
        Self { enough, runs }
    }

    /// Waits for the end of the last run.
    pub(crate) async fn stop(self) -> Runs {
        self.enough.cancel();
        self.runs.await.expect("the load")
    }
}

async fn run(url: String, output: Output, patience: Duration, enough: CancellationToken) -> Runs {
    let args = ["bench", "--url", &url, "--scenario", "steady", "--duration", RUN_FOR, "--yes", "-o", "json"];
    let mut runs = Runs::default();
    while !enough.is_cancelled() {
        let mut bench = Process::start(&args, &BTreeMap::new(), &output);
        match bench.exit_code_within(patience).await {
            Some(0) => runs.agreed += 1,
            _ => runs.interrupted += 1,
        }
        tokio::time::sleep(PAUSE).await;
    }
    runs
}
