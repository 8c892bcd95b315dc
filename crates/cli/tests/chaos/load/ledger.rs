//! What happened, as the clients saw it: creations that were acknowledged, effects of attempts, completions
//! that were acknowledged.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::Value;
use taskward_client::{ClientError, ProblemCode, Task};
use uuid::Uuid;

/// How an attempt ended, as far as its worker knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The worker has not got an answer to its report yet.
    Open,
    Completed,
    Failed,
    Snoozed,
    Released,
    /// Never reported: to the service the worker died.
    Abandoned,
    /// The service refused the report.
    LeaseLost,
}

/// One entry of the effect log: an attempt that some worker began.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    pub(crate) task: Uuid,
    pub(crate) lease: i64,
    #[expect(dead_code, reason = "printed when the entry is part of a violation")]
    pub(crate) worker: String,
    /// The answer to the claim was here.
    pub(crate) began: Instant,
    /// The worker certainly holds the lease until then, counted from when it asked for it; no longer than
    /// until it began to report.
    pub(crate) sure_until: Instant,
    /// The work was done, and nothing reported yet.
    pub(crate) finished: bool,
    pub(crate) end: End,
}

/// A completion the service acknowledged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Completion {
    pub(crate) lease: i64,
    pub(crate) result: Value,
}

/// Everything that was written down.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    /// The keys of what somebody has begun to create.
    pub(crate) asked: HashSet<String>,
    /// By the creator's key.
    pub(crate) created: HashMap<String, Uuid>,
    /// By task.
    pub(crate) queues: HashMap<Uuid, String>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) completions: HashMap<Uuid, Completion>,
    /// In the order of their acknowledgement.
    pub(crate) completed: Vec<Uuid>,
    /// What must never happen, and did.
    pub(crate) violations: Vec<String>,
    /// Calls that had to be repeated.
    pub(crate) outages: usize,
}

/// The facts, shared by everybody on the test's one thread.
#[derive(Default)]
pub(crate) struct Ledger(RefCell<Facts>);

impl Ledger {
    pub(crate) fn facts(&self) -> std::cell::Ref<'_, Facts> {
        self.0.borrow()
    }

    /// A copy, to be kept while others go on writing.
    pub(crate) fn snapshot(&self) -> Facts {
        self.0.borrow().clone()
    }

    /// Somebody is about to create a task.
    pub(crate) fn asked(&self, key: String) {
        self.0.borrow_mut().asked.insert(key);
    }

    /// The service acknowledged a creation; under the same key it has to be the same task every time.
    pub(crate) fn created(&self, key: &str, queue: &str, id: Uuid) {
        let facts = &mut *self.0.borrow_mut();
        let first = *facts.created.entry(key.to_owned()).or_insert(id);
        if first != id {
            facts.violations.push(format!("the key {key} made two tasks: {first} and {id}"));
        }
        facts.queues.insert(id, queue.to_owned());
    }

    /// A worker has got a task; `asked` is when it sent the claim. Returns the entry's number.
    pub(crate) fn began(&self, task: &Task, worker: &str, asked: Instant, lease: Duration) -> usize {
        let facts = &mut *self.0.borrow_mut();
        let token = task.lease_token.as_deref().unwrap_or_default();
        let number = token.parse().unwrap_or_else(|_| {
            facts.violations.push(format!("{}: not a numbered lease: {token:?}", task.id));
            0
        });
        let began = Instant::now();
        facts.effects.push(Effect {
            task: task.id,
            lease: number,
            worker: worker.to_owned(),
            began,
            sure_until: (asked + lease).max(began),
            finished: false,
            end: End::Open,
        });
        facts.effects.len() - 1
    }

    /// A heartbeat that was sent at `asked` was accepted.
    pub(crate) fn extended(&self, effect: usize, asked: Instant, lease: Duration) {
        self.0.borrow_mut().effects[effect].sure_until = asked + lease;
    }

    /// The worker is about to report; with `finished` it has done the work.
    pub(crate) fn reporting(&self, effect: usize, finished: bool) {
        let effect = &mut self.0.borrow_mut().effects[effect];
        effect.sure_until = effect.sure_until.min(Instant::now());
        effect.finished = finished;
    }

    pub(crate) fn ended(&self, effect: usize, end: End) {
        self.0.borrow_mut().effects[effect].end = end;
    }

    /// The service acknowledged a completion, perhaps again.
    pub(crate) fn completed(&self, effect: usize, result: Value) {
        let facts = &mut *self.0.borrow_mut();
        let Effect { task, lease, .. } = facts.effects[effect];
        facts.effects[effect].end = End::Completed;
        let completion = Completion { lease, result };
        match facts.completions.get(&task) {
            None => {
                facts.completions.insert(task, completion);
                facts.completed.push(task);
            }
            Some(first) if *first == completion => {}
            Some(first) => {
                facts.violations.push(format!("{task} was completed twice: {first:?} and {completion:?}"));
            }
        }
    }

    pub(crate) fn violation(&self, what: String) {
        self.0.borrow_mut().violations.push(what);
    }

    /// A call has to be repeated. That the service is away is part of these tests; that it fails is not.
    pub(crate) fn outage(&self, error: &ClientError) {
        let facts = &mut *self.0.borrow_mut();
        facts.outages += 1;
        if error.code() == Some(ProblemCode::Internal) {
            facts.violations.push(format!("an internal error: {error}"));
        }
    }
}
