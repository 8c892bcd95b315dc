//! The model: what a store should hold, with the decisions made by core.

use std::collections::BTreeMap;

use taskward_core::transition::Move;
use taskward_core::{
    DeadReason, Event, Limits, NewTask, Outcome, Refusal, Task, TaskId, TaskState, TaskStatus, Timestamp,
    transition,
};

/// A task, as far as the model knows it.
#[derive(Debug, Clone)]
pub(super) struct ModelTask {
    pub(super) id: TaskId,
    pub(super) new: NewTask,
    pub(super) status: TaskStatus,
    pub(super) dead_reason: Option<DeadReason>,
    pub(super) worker_id: Option<String>,
    pub(super) result: Option<String>,
    /// Type and message of each error.
    pub(super) errors: Vec<(String, String)>,
    /// The lease was over when it was given.
    pub(super) lease_over: bool,
    /// Scheduled for a moment that has come.
    pub(super) due: bool,
    /// The store's, which only the order of claims depends on.
    pub(super) run_at: Timestamp,
}

/// Everything a store should hold.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    pub(super) tasks: BTreeMap<TaskId, ModelTask>,
    /// Fingerprint and task by idempotency key.
    pub(super) keys: BTreeMap<String, ([u8; 32], TaskId)>,
}

impl ModelTask {
    /// A new task; `run_at` is told later.
    pub(super) fn new(new: &NewTask, scheduled: bool) -> Self {
        let status = TaskStatus {
            state: if scheduled { TaskState::Scheduled } else { TaskState::Available },
            lease: 0,
            last_outcome: None,
            attempt: 0,
            max_attempts: new.max_attempts,
            crashes: 0,
            cancel_requested: false,
            retry: new.retry.clone(),
        };
        Self {
            id: new.id,
            new: new.clone(),
            status,
            dead_reason: None,
            worker_id: None,
            result: None,
            errors: Vec::new(),
            lease_over: false,
            due: false,
            run_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// Lets core decide on an event, and applies what it decides.
    pub(super) fn happen(&mut self, event: &Event) -> Result<Outcome, Refusal> {
        let outcome = transition(&self.status, event, 0.5)?;
        match &outcome {
            Outcome::Moved(to) => self.move_to(to),
            Outcome::CancelRequested => self.status.cancel_requested = true,
            Outcome::Unchanged | Outcome::Extended => {}
        }
        Ok(outcome)
    }

    fn move_to(&mut self, to: &Move) {
        if self.status.state == TaskState::Dead {
            self.result = None;
        }
        self.status.state = to.state;
        self.status.lease = to.lease;
        self.status.last_outcome = to.last_outcome;
        self.status.attempt = to.attempt;
        self.status.crashes = to.crashes;
        self.dead_reason = to.dead_reason;
        self.lease_over = false;
        self.due = to.state == TaskState::Scheduled && to.delay.is_zero();
    }

    /// Records an error, the newest ones being kept.
    pub(super) fn add_error(&mut self, kind: &str, message: &str) {
        self.errors.push((kind.to_owned(), message.to_owned()));
        let kept = Limits::default().errors_kept;
        self.errors.drain(..self.errors.len().saturating_sub(kept));
    }

    /// Compares the model with the store, and takes over the store's moment.
    pub(super) fn check(&mut self, stored: &Task) {
        let id = self.id;
        let status = TaskStatus {
            state: stored.state,
            lease: stored.lease,
            last_outcome: stored.last_outcome,
            attempt: stored.attempt,
            max_attempts: stored.max_attempts,
            crashes: stored.crashes,
            cancel_requested: stored.cancel_requested,
            retry: stored.retry.clone(),
        };
        assert_eq!(format!("{status:?}"), format!("{:?}", self.status), "status of {id}");
        assert_eq!(stored.dead_reason, self.dead_reason, "reason of {id}");
        assert_eq!(stored.worker_id, self.worker_id, "worker of {id}");
        assert_eq!(stored.result.as_ref().map(|json| json.get()), self.result.as_deref(), "result of {id}");
        let errors = stored.errors.iter().map(|error| (error.kind.clone(), error.message.clone()));
        assert_eq!(errors.collect::<Vec<_>>(), self.errors, "errors of {id}");
        let (running, finished) = (stored.state == TaskState::Running, stored.state.is_finished());
        assert_eq!(stored.lease_expires_at.is_some(), running, "lease of {id}");
        assert_eq!(stored.finished_at.is_some(), finished, "end of {id}");
        self.run_at = stored.run_at;
    }
}

impl World {
    /// The task a random number points at.
    pub(super) fn pick(&self, number: usize) -> Option<TaskId> {
        self.tasks.keys().nth(number.checked_rem(self.tasks.len())?).copied()
    }

    /// The unfinished task with a unique key.
    pub(super) fn holder(&self, kind: &str, key: &str) -> Option<TaskId> {
        let found = self.tasks.values().find(|task| {
            let unique = task.new.unique.as_ref();
            !task.status.state.is_finished()
                && task.new.kind == kind
                && unique.is_some_and(|unique| unique.key == key)
        });
        found.map(|task| task.id)
    }

    /// What a claim should give.
    pub(super) fn claimable(&self, kind: Option<&str>, max: usize) -> Vec<TaskId> {
        let mut found: Vec<&ModelTask> = self
            .tasks
            .values()
            .filter(|task| task.status.state == TaskState::Available)
            .filter(|task| kind.is_none_or(|kind| task.new.kind == kind))
            .collect();
        found.sort_by_key(|task| (task.new.priority, task.run_at, task.id));
        found.into_iter().take(max).map(|task| task.id).collect()
    }

    /// Tasks for which something holds.
    pub(super) fn matching(&self, holds: impl Fn(&ModelTask) -> bool) -> Vec<TaskId> {
        self.tasks.values().filter(|task| holds(task)).map(|task| task.id).collect()
    }

    /// A task the model knows.
    pub(super) fn task(&mut self, id: TaskId) -> &mut ModelTask {
        self.tasks.get_mut(&id).expect("the model knows the task")
    }
}
