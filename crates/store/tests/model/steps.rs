//! What can happen in a history.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use taskward_core::{IdempotencyKey, NewTask, OnConflict, Schedule, UniqueKey};

use crate::conformance::build::{HOUR, task};

/// One thing somebody does.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Enqueue { tasks: Vec<Template>, atomic: bool },
    Claim { worker: u8, kind: Option<u8>, max: usize, over: bool },
    Heartbeat { picks: Vec<(usize, LeasePick)> },
    Settle { reports: Vec<(usize, LeasePick, Report)> },
    Cancel { picks: Vec<usize> },
    Retry { picks: Vec<usize> },
    Promote,
    Rescue,
}

/// A task to create.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pub(super) kind: u8,
    pub(super) priority: u8,
    pub(super) later: bool,
    pub(super) short_timeout: bool,
    pub(super) max_attempts: u32,
    pub(super) retry_later: bool,
    /// The key, and whether a conflict is rejected.
    pub(super) unique: Option<(u8, bool)>,
    /// The key, and the body's fingerprint.
    pub(super) idempotency: Option<(u8, u8)>,
}

/// The lease a worker names, compared with the task's.
#[derive(Debug, Clone, Copy)]
pub(super) enum LeasePick {
    Latest,
    Earlier,
    Later,
}

/// What a worker reports.
#[derive(Debug, Clone)]
pub(super) enum Report {
    Completed(Option<u8>),
    Failed { message: u8, retryable: bool, retry_at_once: bool },
    Snoozed { later: bool },
    Released,
}

/// Histories of up to `steps` steps.
pub(super) fn history(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..=steps)
}

fn step() -> impl Strategy<Value = Step> {
    let picks = || vec(any::<usize>(), 1..4);
    prop_oneof![
        4 => (vec(template(), 1..4), any::<bool>())
            .prop_map(|(tasks, atomic)| Step::Enqueue { tasks, atomic }),
        5 => (0..3_u8, option::weighted(0.2, 0..2_u8), 1..4_usize, any::<bool>())
            .prop_map(|(worker, kind, max, over)| Step::Claim { worker, kind, max, over }),
        2 => vec((any::<usize>(), lease()), 1..4).prop_map(|picks| Step::Heartbeat { picks }),
        6 => vec((any::<usize>(), lease(), report()), 1..5)
            .prop_map(|reports| Step::Settle { reports }),
        1 => picks().prop_map(|picks| Step::Cancel { picks }),
        2 => picks().prop_map(|picks| Step::Retry { picks }),
        3 => Just(Step::Promote),
        2 => Just(Step::Rescue),
    ]
}

fn template() -> impl Strategy<Value = Template> {
    (
        (0..2_u8, 1..=9_u8, proptest::bool::weighted(0.2), proptest::bool::weighted(0.1)),
        (1..5_u32, proptest::bool::weighted(0.2)),
        option::weighted(0.3, (0..3_u8, any::<bool>())),
        option::weighted(0.2, (0..4_u8, 0..2_u8)),
    )
        .prop_map(|(first, (max_attempts, retry_later), unique, idempotency)| {
            let (kind, priority, later, short_timeout) = first;
            let (unique, idempotency) = (unique, idempotency);
            Template { kind, priority, later, short_timeout, max_attempts, retry_later, unique, idempotency }
        })
}

fn lease() -> impl Strategy<Value = LeasePick> {
    prop_oneof![
        8 => Just(LeasePick::Latest),
        2 => Just(LeasePick::Earlier),
        1 => Just(LeasePick::Later),
    ]
}

fn report() -> impl Strategy<Value = Report> {
    prop_oneof![
        3 => option::of(0..2_u8).prop_map(Report::Completed),
        4 => (0..2_u8, proptest::bool::weighted(0.8), any::<bool>()).prop_map(
            |(message, retryable, retry_at_once)| Report::Failed { message, retryable, retry_at_once }
        ),
        2 => any::<bool>().prop_map(|later| Report::Snoozed { later }),
        2 => Just(Report::Released),
    ]
}

/// The task a template stands for.
pub(super) fn new_task(template: &Template) -> NewTask {
    let mut new = task();
    new.kind = kind_name(template.kind);
    new.priority = template.priority;
    new.max_attempts = template.max_attempts;
    if template.later {
        new.schedule = Schedule::In(HOUR);
    }
    if template.short_timeout {
        new.timeout = Duration::from_millis(1);
    }
    if template.retry_later {
        new.retry.initial = HOUR;
    }
    new.unique = template.unique.map(|(key, reject)| UniqueKey {
        key: format!("u{key}"),
        on_conflict: if reject { OnConflict::Reject } else { OnConflict::ReturnExisting },
    });
    new.idempotency = template
        .idempotency
        .map(|(key, body)| IdempotencyKey { key: format!("i{key}"), fingerprint: [body; 32] });
    new
}

/// The name of a kind.
pub(super) fn kind_name(kind: u8) -> String {
    format!("kind-{kind}")
}
