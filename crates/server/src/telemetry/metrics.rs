//! Metrics, as Prometheus text. Names and buckets are a contract with dashboards and alert rules.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use taskward_core::Task;

/// Bounds of request durations. 2 s is the latency objective, 5 s the rollback threshold: both are bounds,
/// so that the share above them is exact.
const REQUEST_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];
/// Bounds of attempt durations, which may take hours.
const ATTEMPT_SECONDS: &[f64] =
    &[0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];
/// Bounds of batch sizes.
const BATCH_ITEMS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0];
/// Queues with a label of their own; further ones share `other`, so that a client that invents queues
/// cannot fill the memory of everything that scrapes us.
const QUEUE_LABELS_MAX: usize = 200;

/// Installs the process's recorder. Call once.
///
/// # Errors
/// When a recorder is installed already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("request_duration_seconds".to_owned()), REQUEST_SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("attempt_duration_seconds".to_owned()), ATTEMPT_SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("batch_items".to_owned()), BATCH_ITEMS)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    metrics::describe_histogram!(
        "taskward_http_request_duration_seconds",
        "Time from a request's head to its answer, by method, route and status"
    );
    metrics::describe_counter!("taskward_tasks_created_total", "Tasks created, by queue");
    metrics::describe_counter!("taskward_tasks_claimed_total", "Attempts begun, by queue");
    metrics::describe_counter!("taskward_tasks_finished_total", "Tasks finished, by queue and final state");
    metrics::describe_counter!("taskward_attempts_total", "Attempts ended, by queue and outcome");
    metrics::describe_histogram!(
        "taskward_attempt_duration_seconds",
        "How long attempts ran, by queue and outcome"
    );
    metrics::describe_histogram!(
        "taskward_engine_batch_items",
        "Items committed in one transaction, by verb"
    );
    metrics::describe_counter!(
        "taskward_store_statements_total",
        "Statements sent to the database, BEGIN and COMMIT included"
    );
    metrics::describe_counter!("taskward_maintenance_failures_total", "Failed rounds of a maintenance loop");
    metrics::describe_counter!(
        "taskward_log_lines_dropped_total",
        "Lines of the log that were not written, by output and reason"
    );
    metrics::describe_gauge!("taskward_build_info", "Always 1; the version is a label");
}

/// Records what happens to tasks, with bounded labels. Clones share the bound.
#[derive(Clone, Default)]
pub(crate) struct TaskMetrics(Arc<Mutex<HashMap<String, QueueMetrics>>>);

/// A queue's metrics, kept because looking one up by its labels is slow. Each is made when it is needed
/// first: what never happened is not shown.
#[derive(Default)]
struct QueueMetrics {
    created: Option<Counter>,
    claimed: Option<Counter>,
    attempts: Vec<(&'static str, Counter)>,
    attempt_durations: Vec<(&'static str, Histogram)>,
    finished: Vec<(&'static str, Counter)>,
}

impl TaskMetrics {
    pub(crate) fn created<'a>(&self, tasks: impl Iterator<Item = &'a Task>) {
        for (queue, count) in count_by_queue(tasks) {
            self.update(queue, |label, metrics| {
                let register =
                    || metrics::counter!("taskward_tasks_created_total", "queue" => label.to_owned());
                metrics.created.get_or_insert_with(register).increment(count);
            });
        }
    }

    pub(crate) fn claimed(&self, tasks: &[Task]) {
        for (queue, count) in count_by_queue(tasks.iter()) {
            self.update(queue, |label, metrics| {
                let register =
                    || metrics::counter!("taskward_tasks_claimed_total", "queue" => label.to_owned());
                metrics.claimed.get_or_insert_with(register).increment(count);
            });
        }
    }

    pub(crate) fn attempt_ended(&self, queue: &str, outcome: &'static str, ran_for: Option<Duration>) {
        self.update(queue, |label, metrics| {
            named(&mut metrics.attempts, outcome, || {
                metrics::counter!("taskward_attempts_total", "queue" => label.to_owned(), "outcome" => outcome)
            })
            .increment(1);
            let Some(ran_for) = ran_for else { return };
            named(&mut metrics.attempt_durations, outcome, || {
                metrics::histogram!("taskward_attempt_duration_seconds", "queue" => label.to_owned(), "outcome" => outcome)
            })
            .record(ran_for.as_secs_f64());
        });
    }

    pub(crate) fn finished(&self, queue: &str, state: &'static str) {
        self.update(queue, |label, metrics| {
            named(&mut metrics.finished, state, || {
                metrics::counter!("taskward_tasks_finished_total", "queue" => label.to_owned(), "state" => state)
            })
            .increment(1);
        });
    }

    fn update(&self, queue: &str, update: impl FnOnce(&str, &mut QueueMetrics)) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = known.get_mut(queue) {
            return update(queue, metrics);
        }
        let label = if known.len() < QUEUE_LABELS_MAX { queue } else { "other" };
        update(label, known.entry(label.to_owned()).or_default());
    }
}

/// The one of this name, made if need be.
fn named<'a, T>(
    known: &'a mut Vec<(&'static str, T)>,
    name: &'static str,
    register: impl FnOnce() -> T,
) -> &'a T {
    let index = known.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
        known.push((name, register()));
        known.len() - 1
    });
    &known[index].1
}

/// Counts of tasks by queue: most batches have one queue, so runs are counted, not a map built.
fn count_by_queue<'a>(tasks: impl Iterator<Item = &'a Task>) -> Vec<(&'a str, u64)> {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for task in tasks {
        match counts.iter_mut().find(|(queue, _)| *queue == task.queue) {
            Some((_, count)) => *count += 1,
            None => counts.push((&task.queue, 1)),
        }
    }
    counts
}
