//! The engine: how it gathers, how long commits take, how much waits.

use std::time::Duration;

use metrics::Histogram;

use super::description::Metric;
use super::sample::Samples;
use crate::engine::Engine;

const ITEMS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0];
/// From a flush of a fast disk to what no disk should take.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0];

pub(super) const METRICS: &[Metric] = &[
    Metric::histogram(
        "taskward_engine_batch_items",
        &["verb"],
        ITEMS,
        "Items in one transaction: tasks to enqueue, reports to settle, heartbeats, claims to serve",
    ),
    Metric::histogram(
        "taskward_engine_commit_duration_seconds",
        &["verb"],
        SECONDS,
        "How long the database took for one transaction of the engine, its commit included",
    ),
    Metric::gauge(
        "taskward_engine_waiting_items",
        &["verb"],
        "Items that wait in memory for the transaction in flight to end",
    ),
    Metric::gauge(
        "taskward_engine_pending_items",
        &[],
        "Items in memory that are not durable yet: those that wait and those in flight",
    ),
    Metric::gauge("taskward_engine_pending_items_max", &[], "The setting tasks.pending_tasks_max"),
    Metric::gauge("taskward_engine_pending_bytes", &[], "What these items weigh"),
    Metric::gauge("taskward_engine_pending_bytes_max", &[], "The setting tasks.pending_bytes_max"),
];

/// Records transactions of one verb.
pub(crate) struct BatchMetrics {
    items: Histogram,
    durations: Histogram,
}

impl BatchMetrics {
    /// Of this verb.
    pub(crate) fn of(verb: &'static str) -> Self {
        Self {
            items: metrics::histogram!("taskward_engine_batch_items", "verb" => verb),
            durations: metrics::histogram!("taskward_engine_commit_duration_seconds", "verb" => verb),
        }
    }

    /// A transaction has ended.
    pub(crate) fn ended(&self, items: usize, took: Duration) {
        self.items.record(items as f64);
        self.durations.record(took.as_secs_f64());
    }
}

/// Reads what waits.
pub(super) fn read(samples: &mut Samples, engine: &Engine) {
    for (verb, items) in engine.waiting_items() {
        samples.add("taskward_engine_waiting_items", &[("verb", verb)], items as f64);
    }
    let (pending, most) = engine.pending();
    samples.add("taskward_engine_pending_items", &[], pending.items as f64);
    samples.add("taskward_engine_pending_items_max", &[], most.items as f64);
    samples.add("taskward_engine_pending_bytes", &[], pending.bytes as f64);
    samples.add("taskward_engine_pending_bytes_max", &[], most.bytes as f64);
}
