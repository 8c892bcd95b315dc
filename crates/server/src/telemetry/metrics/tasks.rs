//! What happens to tasks at this instance.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, Histogram};
use taskward_core::{LastOutcome, Task, TaskState};
use taskward_store::{RescuedTask, Settled};

use super::description::Metric;

/// Of waits and of attempts, which may take hours.
const SECONDS: &[f64] = &[0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

/// Queues with a label of their own; further ones share [`OTHER`], so that a client that invents queues
/// cannot fill the memory of everything that scrapes us.
const QUEUE_LABELS_MAX: usize = 200;
/// The label of all queues beyond.
const OTHER: &str = "other";

pub(super) const METRICS: &[Metric] = &[
    Metric::counter("taskward_tasks_created_total", &["queue"], "Tasks created").after("a task was created"),
    Metric::counter("taskward_tasks_claimed_total", &["queue"], "Attempts begun").after("a task was claimed"),
    Metric::counter(
        "taskward_tasks_finished_total",
        &["queue", "state"],
        "Tasks finished, by final state: completed, cancelled or dead",
    )
    .after("a task was finished"),
    Metric::counter(
        "taskward_attempts_total",
        &["queue", "outcome"],
        "Attempts ended, by outcome: completed, failed, snoozed, released, expired or timed_out",
    )
    .after("an attempt has ended"),
    Metric::histogram(
        "taskward_attempt_duration_seconds",
        &["queue", "outcome"],
        SECONDS,
        "How long attempts ran that a worker reported on",
    )
    .after("an attempt was reported on"),
    Metric::histogram(
        "taskward_task_wait_seconds",
        &["queue"],
        SECONDS,
        "How long tasks waited from when they were due until a worker had them",
    )
    .after("a task was claimed"),
    Metric::counter(
        "taskward_task_retries_total",
        &["queue", "by"],
        "Failed, lost and timed out attempts that are tried again by the task's policy, \
         and dead tasks that an operator brought back",
    )
    .after("a task is tried again"),
    Metric::counter(
        "taskward_leases_rescued_total",
        &["queue", "reason"],
        "Leases that the service ended: expired when a worker was no longer heard of, timed_out when an attempt \
         took too long",
    )
    .after("a lease was rescued"),
];

/// Records what happens to tasks, with bounded labels. Clones share the bound.
#[derive(Clone)]
pub(crate) struct TaskMetrics {
    /// Whether anything is recorded; queues have their labels all the same.
    enabled: bool,
    known: Arc<Mutex<Known>>,
}

/// The metrics of queues, by label.
type Known = HashMap<String, QueueMetrics>;

/// A queue's metrics, kept because looking one up by its labels is slow. Each is made when it is needed
/// first: what never happened is not shown.
#[derive(Default)]
struct QueueMetrics {
    created: Option<Counter>,
    claimed: Option<Counter>,
    waits: Option<Histogram>,
    attempts: Vec<(&'static str, Counter)>,
    attempt_durations: Vec<(&'static str, Histogram)>,
    finished: Vec<(&'static str, Counter)>,
    retries: Vec<(&'static str, Counter)>,
    rescued: Vec<(&'static str, Counter)>,
}

impl TaskMetrics {
    /// Of a service that records, or does not.
    pub(crate) fn new(enabled: bool) -> Self {
        Self { enabled, known: Arc::default() }
    }

    pub(crate) fn created<'a>(&self, tasks: impl Iterator<Item = &'a Task>) {
        if !self.enabled {
            return;
        }
        for (queue, count) in count_by_queue(tasks) {
            self.update(queue, |label, metrics| {
                let register =
                    || metrics::counter!("taskward_tasks_created_total", "queue" => label.to_owned());
                metrics.created.get_or_insert_with(register).increment(count);
            });
        }
    }

    /// Tasks that a worker is given.
    pub(crate) fn claimed(&self, tasks: &[Task]) {
        if !self.enabled {
            return;
        }
        for (queue, count) in count_by_queue(tasks.iter()) {
            self.update(queue, |label, metrics| {
                let register =
                    || metrics::counter!("taskward_tasks_claimed_total", "queue" => label.to_owned());
                metrics.claimed.get_or_insert_with(register).increment(count);
                let register =
                    || metrics::histogram!("taskward_task_wait_seconds", "queue" => label.to_owned());
                let waits = metrics.waits.get_or_insert_with(register);
                for task in tasks.iter().filter(|task| task.queue == queue) {
                    if let Some(started) = task.started_at {
                        waits.record(started.duration_since(task.run_at).as_secs_f64().max(0.0));
                    }
                }
            });
        }
    }

    /// Reports that were applied, each with its outcome.
    pub(crate) fn settled<'a>(&self, reports: impl Iterator<Item = (&'static str, &'a Settled)>) {
        if !self.enabled {
            return;
        }
        let mut known = self.known();
        for (outcome, settled) in reports {
            at(&mut known, &settled.queue, |label, metrics| {
                metrics.attempt_ended(label, outcome, settled.state);
                let Some(ran_for) = settled.ran_for else { return };
                named(&mut metrics.attempt_durations, outcome, || {
                    metrics::histogram!("taskward_attempt_duration_seconds", "queue" => label.to_owned(), "outcome" => outcome)
                })
                .record(ran_for.as_secs_f64());
            });
        }
    }

    /// Leases that the service has ended.
    pub(crate) fn rescued(&self, tasks: &[RescuedTask]) {
        if !self.enabled {
            return;
        }
        let mut known = self.known();
        for task in tasks {
            let outcome =
                if task.error.kind == "timeout" { LastOutcome::TimedOut } else { LastOutcome::Expired };
            let outcome = outcome.as_str();
            at(&mut known, &task.queue, |label, metrics| {
                metrics.attempt_ended(label, outcome, task.state);
                named(&mut metrics.rescued, outcome, || {
                    metrics::counter!("taskward_leases_rescued_total", "queue" => label.to_owned(), "reason" => outcome)
                })
                .increment(1);
            });
        }
    }

    /// A task that was cancelled before a worker had it.
    pub(crate) fn cancelled(&self, queue: &str) {
        self.update(queue, |label, metrics| metrics.finished(label, TaskState::Cancelled));
    }

    /// A dead task that an operator has brought back.
    pub(crate) fn brought_back(&self, queue: &str) {
        self.update(queue, |label, metrics| metrics.retried(label, "operator"));
    }

    /// The label of a queue.
    pub(super) fn label(&self, queue: &str) -> String {
        at(&mut self.known(), queue, |label, _| label.to_owned())
    }

    fn update(&self, queue: &str, update: impl FnOnce(&str, &mut QueueMetrics)) {
        if self.enabled {
            at(&mut self.known(), queue, update);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueMetrics {
    fn attempt_ended(&mut self, label: &str, outcome: &'static str, state: TaskState) {
        named(&mut self.attempts, outcome, || {
            metrics::counter!("taskward_attempts_total", "queue" => label.to_owned(), "outcome" => outcome)
        })
        .increment(1);
        let given_back = ["snoozed", "released"].contains(&outcome);
        match state {
            state if state.is_finished() => self.finished(label, state),
            _ if given_back => {}
            _ => self.retried(label, "policy"),
        }
    }

    fn finished(&mut self, label: &str, state: TaskState) {
        let state = state.as_str();
        named(&mut self.finished, state, || {
            metrics::counter!("taskward_tasks_finished_total", "queue" => label.to_owned(), "state" => state)
        })
        .increment(1);
    }

    fn retried(&mut self, label: &str, by: &'static str) {
        named(
            &mut self.retries,
            by,
            || metrics::counter!("taskward_task_retries_total", "queue" => label.to_owned(), "by" => by),
        )
        .increment(1);
    }
}

/// Updates a queue's metrics, which it finds under its label. Queues that are known take no allocation.
fn at<T>(known: &mut Known, queue: &str, update: impl FnOnce(&str, &mut QueueMetrics) -> T) -> T {
    if let Some(metrics) = known.get_mut(queue) {
        return update(queue, metrics);
    }
    let label = if known.len() < QUEUE_LABELS_MAX { queue } else { OTHER };
    update(label, known.entry(label.to_owned()).or_default())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_beyond_the_bound_share_a_label() {
        let metrics = TaskMetrics::new(true);
        for queue in 0..QUEUE_LABELS_MAX {
            assert_eq!(metrics.label(&queue.to_string()), queue.to_string());
        }
        assert_eq!(metrics.label("one more"), OTHER);
        assert_eq!(metrics.label("7"), "7");
        assert!(metrics.known().len() <= QUEUE_LABELS_MAX + 1);
    }
}
