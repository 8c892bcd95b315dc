//! What a worker has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use taskward_api::{ResultOutcome, TaskState};

/// What a worker has done, as of one moment. Every claimed task is in exactly one of the other counts
/// once the worker has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CountsNow {
    /// Tasks it was given.
    pub claimed: u64,
    /// Attempts that succeeded.
    pub completed: u64,
    /// Attempts that failed, timeouts included.
    pub failed: u64,
    /// Tasks put off.
    pub snoozed: u64,
    /// Tasks given back.
    pub released: u64,
    /// Tasks that were cancelled while they ran.
    pub cancelled: u64,
    /// Tasks whose lease was taken away.
    pub lost: u64,
    /// Results that could not be delivered before the worker ended.
    pub undelivered: u64,
}

/// The counts while they grow.
#[derive(Debug, Default)]
pub struct Counts {
    claimed: AtomicU64,
    completed: AtomicU64,
    failed: AtomicU64,
    snoozed: AtomicU64,
    released: AtomicU64,
    cancelled: AtomicU64,
    lost: AtomicU64,
    undelivered: AtomicU64,
}

impl Counts {
    /// The counts as of now.
    pub fn now(&self) -> CountsNow {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CountsNow {
            claimed: read(&self.claimed),
            completed: read(&self.completed),
            failed: read(&self.failed),
            snoozed: read(&self.snoozed),
            released: read(&self.released),
            cancelled: read(&self.cancelled),
            lost: read(&self.lost),
            undelivered: read(&self.undelivered),
        }
    }

    pub(crate) fn claimed(&self, tasks: usize) {
        self.claimed.fetch_add(u64::try_from(tasks).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn undelivered(&self) {
        self.undelivered.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a report that was applied, and what the task became by it.
    pub(crate) fn settled(&self, outcome: ResultOutcome, state: Option<TaskState>) {
        let count = match outcome {
            ResultOutcome::Completed => &self.completed,
            _ if state == Some(TaskState::Cancelled) => &self.cancelled,
            ResultOutcome::Failed => &self.failed,
            ResultOutcome::Snoozed => &self.snoozed,
            ResultOutcome::Released => &self.released,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}
