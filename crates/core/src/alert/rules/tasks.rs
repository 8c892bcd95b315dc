//! Rules on the tasks: do they get done?

use std::time::Duration;

use crate::alert::{Comparison, Condition, Matcher, Measure, Rule, Series, Severity, Step, Thresholds, Unit};

/// How long the first available task of a queue has been waiting; 0 when none waits.
const OLDEST_READY: Series = Series::all("taskward_queue_oldest_ready_age_seconds");
/// Tasks of a queue that workers hold.
const RUNNING: Series = Series { metric: "taskward_queue_tasks", only: &[Matcher::Is("state", "running")] };
/// Tasks that died.
const DEAD: Series =
    Series { metric: "taskward_tasks_finished_total", only: &[Matcher::Is("state", "dead")] };
/// Leases that expired because their worker was gone.
const RESCUED: Series =
    Series { metric: "taskward_leases_rescued_total", only: &[Matcher::Is("reason", "expired")] };

const BY_QUEUE: &[&str] = &["queue"];

pub(super) fn queue_stuck(thresholds: &Thresholds) -> Rule {
    Rule {
        name: "QueueStuck",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(30 * 60),
        summary: "Tasks wait too long",
        description: "The oldest task of queue {queue} has been ready for {value}, longer than {threshold}.",
        by: BY_QUEUE,
        per_instance: false,
        unit: Unit::Seconds,
        when: Condition::above(Measure::Highest(OLDEST_READY), thresholds.queue_stuck.as_secs_f64(), 0.9),
        and: Vec::new(),
        hold: thresholds.queue_stuck_for,
        steps: const {
            &[
                Step::run("taskward queue list", "Is the queue paused? Does anything of it run?"),
                Step::run("taskward task list --state running", "Do the same tasks hold all the workers?"),
                Step::hand("Start more workers for this queue, or resume it."),
            ]
        },
    }
}

pub(super) fn no_workers(thresholds: &Thresholds) -> Rule {
    Rule {
        name: "NoWorkers",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(30 * 60),
        summary: "Nobody works on a queue",
        description: "Tasks of queue {queue} have been ready for {value}, longer than {threshold}, and none of its tasks runs.",
        by: BY_QUEUE,
        per_instance: false,
        unit: Unit::Seconds,
        when: Condition::above(Measure::Highest(OLDEST_READY), thresholds.no_workers.as_secs_f64(), 0.9),
        and: vec![Condition::plain(Measure::Highest(RUNNING), Comparison::Below, 1.0)],
        hold: thresholds.no_workers_for,
        steps: const {
            &[
                Step::run(
                    "taskward queue list",
                    "Is the queue paused? If so: `taskward queue resume QUEUE`.",
                ),
                Step::hand(
                    "Look at the machines of the workers of this queue: do they run, do they reach the service?",
                ),
                Step::hand("Start workers: `taskward worker --queue QUEUE -- COMMAND`."),
            ]
        },
    }
}

pub(super) fn dead_tasks(thresholds: &Thresholds) -> Rule {
    let grown = Measure::Increase { of: DEAD, window: thresholds.tasks_window };
    Rule {
        name: "DeadTasks",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(3600),
        summary: "Tasks die",
        description: "{value} tasks of queue {queue} have died lately, more than {threshold}: nobody will try them again.",
        by: BY_QUEUE,
        per_instance: false,
        unit: Unit::Count,
        when: Condition::above(grown, f64::from(thresholds.dead_tasks_max), 1.0),
        and: Vec::new(),
        hold: Duration::ZERO,
        steps: const {
            &[
                Step::run("taskward task list --state dead", "Which are they? What do their errors say?"),
                Step::hand("Mend the cause: a payload, the command, what it depends on."),
                Step::hand("Bring them back: `taskward task retry ID`."),
            ]
        },
    }
}

pub(super) fn lease_rescues(thresholds: &Thresholds) -> Rule {
    let grown = Measure::Increase { of: RESCUED, window: thresholds.tasks_window };
    Rule {
        name: "LeaseRescues",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(3600),
        summary: "Workers vanish",
        description: "{value} leases of queue {queue} have expired lately, more than {threshold}: workers die, or cannot reach the service.",
        by: BY_QUEUE,
        per_instance: false,
        unit: Unit::Count,
        when: Condition::above(grown, f64::from(thresholds.lease_rescues_max), 1.0),
        and: Vec::new(),
        hold: Duration::ZERO,
        steps: const {
            &[
                Step::run("taskward task list --state running", "Which workers hold tasks now?"),
                Step::hand(
                    "Look at the workers: killed for their memory, restarted, cut off from the service?",
                ),
                Step::run(
                    "taskward config explain worker.lease",
                    "Is the lease shorter than the pauses of a busy worker?",
                ),
            ]
        },
    }
}
