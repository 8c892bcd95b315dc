//! What is measured, and with which settings.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// One kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Adds one task a request.
    Single,
    /// Adds many tasks a request.
    Batch,
    /// Works off what was added, with the worker loop of the SDK.
    Drain,
    /// Adds, claims and completes at once.
    Steady,
    /// Claims one task and completes it, a request each.
    OneByOne,
    /// How long a task takes from its creation to a waiting worker, at a low rate.
    Latency,
}

impl Scenario {
    /// All of them, in the order in which they are run.
    pub const ALL: [Self; 6] =
        [Self::Single, Self::OneByOne, Self::Batch, Self::Drain, Self::Steady, Self::Latency];

    /// The name, as in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Batch => "batch",
            Self::Drain => "drain",
            Self::Steady => "steady",
            Self::OneByOne => "one_by_one",
            Self::Latency => "latency",
        }
    }
}

/// The settings of a run. They are part of its report: a rate without them says nothing.
#[derive(Debug, Clone, Serialize)]
pub struct BenchOptions {
    /// What to run; each once a round.
    pub scenarios: Vec<Scenario>,
    /// How often to run all of it.
    pub rounds: u32,
    /// How many tasks a scenario adds or works off at most; `drain` at least.
    pub tasks: u64,
    /// How long a scenario may add or work, besides `batch` and `drain`, which only count.
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    pub duration: Duration,
    /// The size of each payload, as JSON text.
    pub payload_bytes: usize,
    /// Requests in flight in `single` and `one_by_one`, each on a connection of its own.
    pub in_flight: usize,
    /// Tasks in one request of `batch`, `steady` and wherever a backlog is made.
    pub batch: usize,
    /// Such requests in flight.
    pub batches_in_flight: usize,
    /// Workers in `drain` and `steady`, each with connections of its own.
    pub workers: usize,
    /// Tasks that a worker runs at once.
    pub concurrency: usize,
    /// Tasks a second in `latency`.
    pub rate: u32,
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
