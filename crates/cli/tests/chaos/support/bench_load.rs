//! `taskward bench` as load beside a test.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::task::{JoinHandle, spawn_local};
use tokio_util::sync::CancellationToken;

use super::process::Output;
use super::{Process, Service};

/// How long one run takes, without its beginning and end.
const RUN_FOR: &str = "2s";
/// Between two runs, so that a service that is down is not asked all the time.
const PAUSE: Duration = Duration::from_millis(50);
/// What a run that nothing disturbs may take on a machine that is busy with something else.
const UNDISTURBED_LIMIT: Duration = Duration::from_secs(60);
/// How a run ends whose service cannot be reached, or takes no writes: that is all that a killed one makes of it. A
/// run whose books differ ends with 1, which nothing may excuse.
const UNREACHABLE: i32 = 8;

/// Runs of `taskward bench`, one after the other: tasks are added, claimed and completed as fast as it goes, in
/// queues of the runs' own.
pub(crate) struct BenchLoad {
    bench: Bench,
    enough: CancellationToken,
    runs: JoinHandle<Runs>,
}

/// How the runs ended.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Runs {
    /// The run's books and the service's agreed.
    pub(crate) agreed: usize,
    /// The service went away meanwhile, or was not there; or the run was killed.
    pub(crate) interrupted: usize,
    /// Tasks that the runs that agreed have completed.
    pub(crate) completed: u64,
}

impl BenchLoad {
    /// Starts the load on a service. A run that takes longer than the patience is killed: one whose service was
    /// killed first waits for the leases of the claims it has lost. Needs a `LocalSet`.
    pub(crate) fn start(service: &Service, patience: Duration) -> Self {
        let bench = Bench { url: service.url(), output: service.load_output() };
        let enough = CancellationToken::new();
        let runs = spawn_local(run(bench.clone(), patience, enough.clone()));
        Self { bench, enough, runs }
    }

    /// Waits for the end of the last run, and for one more, during which the service is there all the time: its
    /// books have to agree.
    pub(crate) async fn stop(self) -> Runs {
        self.enough.cancel();
        let mut runs = self.runs.await.expect("the load");
        let agreed = runs.agreed;
        self.bench.run(UNDISTURBED_LIMIT, &mut runs).await;
        assert!(runs.agreed > agreed, "a run that nothing disturbed was interrupted: {runs:?}");
        runs
    }
}

async fn run(bench: Bench, patience: Duration, enough: CancellationToken) -> Runs {
    let mut runs = Runs::default();
    while !enough.is_cancelled() {
        bench.run(patience, &mut runs).await;
        tokio::time::sleep(PAUSE).await;
    }
    runs
}

/// The service that is loaded, and where the runs write.
#[derive(Clone)]
struct Bench {
    url: String,
    output: Output,
}

impl Bench {
    /// One run. Panics when it ends in a way that no service that goes away explains.
    async fn run(&self, patience: Duration, runs: &mut Runs) {
        let Self { url, output } = self;
        let args =
            ["bench", "--url", url, "--scenario", "steady", "--duration", RUN_FOR, "--yes", "-o", "json"];
        // The report is to be alone in the file.
        std::fs::write(&output.stdout, "").expect("empty the load's output");
        let mut process = Process::start(&args, &BTreeMap::new(), output);
        match process.exit_code_within(patience).await {
            Some(0) => {
                runs.agreed += 1;
                runs.completed += self.completed();
            }
            Some(UNREACHABLE) | None => runs.interrupted += 1,
            Some(code) => panic!("taskward bench ended with {code}"),
        }
    }

    /// How many tasks the run has completed that has just ended well.
    fn completed(&self) -> u64 {
        let report = std::fs::read_to_string(&self.output.stdout).expect("the load's output");
        let report: Value = serde_json::from_str(&report).expect("a report");
        report["results"][0]["completed"].as_u64().expect("a number of tasks")
    }
}
