//! What a scenario has measured.

use std::time::Duration;

use serde::Serialize;

use super::latencies::{Latencies, Percentiles};

/// What a scenario has measured.
#[derive(Debug, Clone, Default)]
pub(super) struct Measured {
    /// Tasks added, and acknowledged.
    pub(super) added: u64,
    /// Tasks completed, and acknowledged.
    pub(super) completed: u64,
    /// The tasks that the rate is about, and how long they took.
    pub(super) counted: u64,
    pub(super) took: Duration,
    pub(super) latencies: Vec<Latency>,
    pub(super) backlog: Option<Backlog>,
}

/// How many tasks were waiting or running while it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Backlog {
    /// The least. 0 means that the workers had nothing to do for a moment.
    pub min: u64,
    /// The most.
    pub max: u64,
}

impl Backlog {
    /// With one more observation.
    pub(super) fn seen(so_far: Option<Self>, now: u64) -> Self {
        let so_far = so_far.unwrap_or(Self { min: now, max: now });
        Self { min: so_far.min.min(now), max: so_far.max.max(now) }
    }
}

/// The latencies of one kind of wait.
#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    /// What was waited for.
    pub of: &'static str,
    /// How long that took.
    #[serde(flatten)]
    pub percentiles: Percentiles,
}

impl Measured {
    /// Tasks that were added.
    pub(super) fn added(added: u64, took: Duration) -> Self {
        Self { added, counted: added, took, ..Self::default() }
    }

    /// Tasks that were worked off.
    pub(super) fn completed(completed: u64, took: Duration) -> Self {
        Self { completed, counted: completed, took, ..Self::default() }
    }

    /// With latencies, when there are any.
    pub(super) fn with(mut self, of: &'static str, latencies: &Latencies) -> Self {
        self.latencies.extend(latencies.percentiles().map(|percentiles| Latency { of, percentiles }));
        self
    }

    /// Tasks a second.
    pub(super) fn rate(&self) -> f64 {
        if self.took.is_zero() { 0.0 } else { as_f64(self.counted) / self.took.as_secs_f64() }
    }
}

/// A count as a number to calculate with.
#[expect(
    clippy::cast_precision_loss,
    reason = "no run has so many tasks that a digit of the mantissa is missing"
)]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}
