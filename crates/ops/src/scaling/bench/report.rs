//! What a run has found.

use serde::Serialize;

use super::ledger::Balance;
use super::measured::{Backlog, Latency, Measured};
use super::meter::Spent;
use super::options::{BenchOptions, Scenario};

/// What a run has found.
#[derive(Debug, Clone, Serialize)]
pub struct BenchReport {
    /// What was measured.
    pub service: ServiceFacts,
    /// Where the load came from.
    pub machine: Machine,
    /// How it was measured.
    pub settings: BenchOptions,
    /// The run's own queue.
    pub queue: String,
    /// Each run of a scenario, in the order of time.
    pub results: Vec<ScenarioResult>,
    /// Each scenario over all rounds.
    pub summary: Vec<Summary>,
    /// The load's books beside the service's.
    pub balance: Balance,
    /// Whether it was ended before all was measured.
    pub interrupted: bool,
    /// What the reader has to know to read the numbers.
    pub notes: Vec<String>,
}

/// The service, as it describes itself.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceFacts {
    /// Where it is.
    pub url: String,
    /// Its version.
    pub version: String,
    /// Its environment.
    pub env: String,
    /// Its instance.
    pub instance: String,
    /// `sqlite` or `postgres`; null when that is not known here.
    pub database: Option<&'static str>,
    /// What a commit survives there, as the database is set; null when that is not known here.
    pub durability: Option<String>,
    /// Whether this run has started it.
    pub embedded: bool,
}

/// The machine that the load came from.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Processors that this process may use.
    pub cores: Option<usize>,
    /// Their model.
    pub processor: Option<String>,
    /// Whether the service shares them.
    pub shared_with_service: bool,
}

impl Machine {
    /// This machine.
    pub(super) fn of_this_process(url: &str) -> Self {
        let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let host = url.trim_start_matches("http://");
        Self {
            cores: std::thread::available_parallelism().ok().map(usize::from),
            processor: model.map(|(_, name)| name.to_owned()),
            shared_with_service: ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local)),
        }
    }
}

/// One run of a scenario.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioResult {
    /// Which scenario.
    pub scenario: Scenario,
    /// In which round, from 1.
    pub round: u32,
    /// Tasks added, and acknowledged.
    pub added: u64,
    /// Tasks completed, and acknowledged.
    pub completed: u64,
    /// The tasks that the rate is about: those added in `single` and `batch`, else those completed while it was
    /// measured.
    pub tasks: u64,
    /// How long they took.
    pub seconds: f64,
    /// `tasks` by `seconds`.
    pub tasks_per_second: f64,
    /// Requests that the service had no room for, and that were sent again.
    pub refused: u64,
    /// How long what took.
    pub latencies: Vec<Latency>,
    /// Tasks that were unfinished meanwhile, in `steady`.
    pub backlog: Option<Backlog>,
    /// What the service spent.
    #[serde(flatten)]
    pub spent: Spent,
}

impl ScenarioResult {
    pub(super) fn new(
        scenario: Scenario,
        round: u32,
        measured: Measured,
        refused: u64,
        spent: Spent,
    ) -> Self {
        Self {
            scenario,
            round,
            added: measured.added,
            completed: measured.completed,
            tasks: measured.counted,
            seconds: measured.took.as_secs_f64(),
            tasks_per_second: measured.rate(),
            refused,
            latencies: measured.latencies,
            backlog: measured.backlog,
            spent,
        }
    }
}

/// A scenario over all rounds.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Which scenario.
    pub scenario: Scenario,
    /// Its rate.
    pub tasks_per_second: Spread,
}

/// A number over several rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The one in the middle; of an even number of rounds, the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of at least one value.
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { median, min, max })
    }
}

/// Each scenario over all rounds.
pub(super) fn summary(scenarios: &[Scenario], results: &[ScenarioResult]) -> Vec<Summary> {
    let of = |scenario: Scenario| {
        let own = results.iter().filter(|result| result.scenario == scenario);
        let tasks_per_second = Spread::of(own.map(|result| result.tasks_per_second).collect())?;
        Some(Summary { scenario, tasks_per_second })
    };
    scenarios.iter().filter_map(|scenario| of(*scenario)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_the_ends() {
        let spread = |values: &[f64]| Spread::of(values.to_vec());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        assert_eq!(spread(&[]), None);
    }
}
