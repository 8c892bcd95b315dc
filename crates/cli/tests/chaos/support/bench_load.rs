//! `taskward bench` as load beside a test.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_local};
use tokio_util::sync::CancellationToken;

use super::process::Output;
use super::{Process, Service};

/// How long one run takes, without its beginning and end.
const RUN_FOR: &str = "2s";
/// A run waits for its own tasks in the end, on a machine that is busy.
const RUN_LIMIT: Duration = Duration::from_secs(60);

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
    /// The service went away meanwhile.
    pub(crate) interrupted: usize,
}

impl BenchLoad {
    /// Starts the load on a service that may be killed and started again meanwhile. Needs a `LocalSet`.
    pub(crate) fn start(service: &Service) -> Self {
        let enough = CancellationToken::new();
        let runs = spawn_local(run(service.url(), service.load_output(), enough.clone()));
        Self { enough, runs }
    }

    /// Waits for the end of the last run. No run has found that the service's books differ from its own.
    pub(crate) async fn stop(self) -> Runs {
        self.enough.cancel();
        self.runs.await.expect("the load")
    }
}

async fn run(url: String, output: Output, enough: CancellationToken) -> Runs {
    let args = ["bench", "--url", &url, "--scenario", "steady", "--duration", RUN_FOR, "--yes", "-o", "json"];
    let mut runs = Runs::default();
    while !enough.is_cancelled() {
        let mut bench = Process::start(&args, &BTreeMap::new(), &output);
        match bench.exit_code(RUN_LIMIT).await {
            0 => runs.agreed += 1,
            // Unreachable: it was killed, or is not up again yet.
            8 => runs.interrupted += 1,
            code => panic!("taskward bench ended with {code}"),
        }
    }
    runs
}
