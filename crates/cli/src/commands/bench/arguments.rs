//! The arguments of `taskward bench`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use taskward_ops::scaling::bench::{BenchOptions, Scenario};

use crate::error::CliError;
use crate::input;

/// What a service takes in one request, unless it is configured to take more.
const BATCH_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What to measure, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
Scenarios:
  single      adds one task a request, --in-flight connections at once; latencies of the requests
  one_by_one  claims one task, completes it, a request each, as many at once; latencies of both
  batch       adds --tasks in requests of --batch tasks, --batches-in-flight at once
  drain       works off what was added, and at least --tasks, with --workers of --concurrency slots
  steady      adds, claims and completes at once for --duration, with a bounded backlog
  latency     adds --rate tasks a second; from the moment a task was due to be added until a waiting worker has it

It measures the service at --url, or with --embedded one that it starts for this and removes again. Tasks go to a \
queue of the run's own, and are worked off in the end, also after Ctrl-C. The run's books are compared with the \
service's: exit 1 when they differ.

Examples:
  taskward bench --embedded
  taskward bench --scenario single,drain --tasks 20000
  taskward bench --scenario latency --rate 150 --duration 30s -o json")]
pub(crate) struct BenchArgs {
    /// What to run; all by default. Several are separated by commas.
    #[arg(
        long = "scenario",
        value_name = "NAME",
        value_enum,
        value_delimiter = ',',
        hide_possible_values = true
    )]
    scenarios: Vec<ScenarioName>,
    /// Start a service for this: on SQLite in a temporary directory, or on the configured PostgreSQL.
    #[arg(long)]
    pub(super) embedded: bool,
    /// How many tasks a scenario adds or works off.
    #[arg(long, value_name = "N", default_value = "100000", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    tasks: u64,
    /// How long a scenario runs at most; batch and drain only count.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = input::positive_duration)]
    duration: Duration,
    /// Requests in flight in single and one_by_one, a connection each.
    #[arg(long, value_name = "N", default_value = "64", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    in_flight: u16,
    /// Tasks in one request of batch.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    batch: u16,
    /// Requests in flight in batch.
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    batches_in_flight: u16,
    /// Workers in drain and steady, each with connections of its own.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    workers: u16,
    /// Tasks that a worker runs at once.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    concurrency: u16,
    /// Tasks a second in latency.
    #[arg(long, value_name = "N", default_value = "150", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// The size of a payload in bytes.
    #[arg(long, value_name = "N", default_value = "200", value_parser = clap::value_parser!(u32).range(2..=262_144))]
    payload: u32,
    /// Run all of it that often, in turns, and print medians.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Do not ask, also in production.
    #[arg(long)]
    pub(super) yes: bool,
}

/// A scenario's name.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum ScenarioName {
    Single,
    #[value(alias = "one-by-one")]
    OneByOne,
    Batch,
    Drain,
    Steady,
    Latency,
}

impl From<ScenarioName> for Scenario {
    fn from(name: ScenarioName) -> Self {
        match name {
            ScenarioName::Single => Self::Single,
            ScenarioName::OneByOne => Self::OneByOne,
            ScenarioName::Batch => Self::Batch,
            ScenarioName::Drain => Self::Drain,
            ScenarioName::Steady => Self::Steady,
            ScenarioName::Latency => Self::Latency,
        }
    }
}

impl BenchArgs {
    /// The settings of the run. Scenarios are run in one order, each once: what one adds, the next works off.
    pub(super) fn options(&self) -> Result<BenchOptions, CliError> {
        let bytes = u64::from(self.batch) * u64::from(self.payload);
        if bytes > BATCH_BYTES_MAX {
            let (batch, payload) = (self.batch, self.payload);
            let message =
                format!("--batch {batch} with --payload {payload} is more than 64 MiB in one request");
            return Err(CliError::usage("usage", message).next("taskward bench --help"));
        }
        let named: Vec<_> = self.scenarios.iter().map(|name| Scenario::from(*name)).collect();
        let asked = |scenario: &Scenario| named.is_empty() || named.contains(scenario);
        Ok(BenchOptions {
            scenarios: Scenario::ALL.into_iter().filter(asked).collect(),
            rounds: self.rounds,
            tasks: self.tasks,
            duration: self.duration,
            payload_bytes: usize::try_from(self.payload).unwrap_or(usize::MAX),
            in_flight: self.in_flight.into(),
            batch: self.batch.into(),
            batches_in_flight: self.batches_in_flight.into(),
            workers: self.workers.into(),
            concurrency: self.concurrency.into(),
            rate: self.rate,
        })
    }

    /// How many workers there are.
    pub(super) fn workers(&self) -> u16 {
        self.workers
    }
}
