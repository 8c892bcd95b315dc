//! Queues as the database counts them, and who wants their tasks at this instance.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::description::Metric;
use super::sample::Samples;
use super::tasks::TaskMetrics;
use crate::engine::Engine;
use crate::maintenance::Rates;

pub(super) const METRICS: &[Metric] = &[
    Metric::gauge(
        "taskward_queue_tasks",
        &["queue", "state"],
        "Unfinished tasks: scheduled, available or running; of the whole database, the same at every instance",
    )
    .shown_where("the queue has been used, and the database answered within the last half minute"),
    Metric::gauge(
        "taskward_queue_oldest_ready_age_seconds",
        &["queue"],
        "How long the first available task had been due when the queue was last looked at; 0 when none was",
    )
    .shown_where("the queue has been used, and the database answered within the last half minute"),
    Metric::gauge("taskward_queue_paused", &["queue"], "1 while the queue gives out no tasks")
        .shown_where("the queue has been used, and the database answered within the last half minute"),
    Metric::gauge(
        "taskward_workers_waiting",
        &["queue"],
        "Claims that wait at this instance for a task of the queue",
    )
    .shown_where("the queue has been used"),
    Metric::gauge(
        "taskward_workers_active",
        &["queue"],
        "Workers that asked this instance for tasks of the queue within the last minute",
    )
    .shown_where("the queue has been used"),
    Metric::gauge(
        "taskward_workers_seen",
        &[],
        "Workers that asked this instance for tasks within the last minute",
    ),
];

/// What is said of a queue, or of all that share a label.
#[derive(Default)]
struct Figures {
    counted: Option<Counted>,
    waiting: usize,
    active: usize,
}

#[derive(Default)]
struct Counted {
    scheduled: u64,
    available: u64,
    running: u64,
    oldest: f64,
    paused: bool,
}

/// Reads what is known without asking the database.
pub(super) fn read(samples: &mut Samples, engine: &Engine, rates: &Rates) {
    let mut queues: BTreeMap<String, Figures> = BTreeMap::new();
    count(&mut queues, &engine.metrics, rates);
    for (queue, claims) in engine.waiting_claims() {
        queues.entry(engine.metrics.label(&queue)).or_default().waiting += claims;
    }
    let (workers, by_queue) = engine.workers.active();
    for (queue, workers) in by_queue {
        queues.entry(engine.metrics.label(&queue)).or_default().active += workers;
    }
    samples.add("taskward_workers_seen", &[], workers as f64);
    for (queue, figures) in &queues {
        add(samples, queue, figures);
    }
}

fn count(queues: &mut BTreeMap<String, Figures>, labels: &TaskMetrics, rates: &Rates) {
    for queue in rates.latest(Instant::now()).iter() {
        let figures = queues.entry(labels.label(&queue.name)).or_default();
        let counted = figures.counted.get_or_insert_default();
        counted.scheduled += queue.scheduled;
        counted.available += queue.available;
        counted.running += queue.running;
        counted.oldest = counted.oldest.max(queue.oldest_available.unwrap_or_default().as_secs_f64());
        counted.paused |= queue.paused;
    }
}

fn add(samples: &mut Samples, queue: &str, figures: &Figures) {
    let label = ("queue", queue);
    if let Some(counted) = &figures.counted {
        let states = [
            ("available", counted.available),
            ("running", counted.running),
            ("scheduled", counted.scheduled),
        ];
        for (state, tasks) in states {
            samples.add("taskward_queue_tasks", &[label, ("state", state)], tasks as f64);
        }
        samples.add("taskward_queue_oldest_ready_age_seconds", &[label], counted.oldest);
        samples.add("taskward_queue_paused", &[label], f64::from(u8::from(counted.paused)));
    }
    samples.add("taskward_workers_waiting", &[label], figures.waiting as f64);
    samples.add("taskward_workers_active", &[label], figures.active as f64);
}
