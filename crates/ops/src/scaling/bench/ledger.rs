//! What was acknowledged: the load's own books, to be compared with the service's.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use taskward_client::Queue;

/// The books of a run.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    added: AtomicU64,
    added_perhaps: AtomicU64,
    completed: AtomicU64,
    refused: AtomicU64,
}

impl Ledger {
    /// Tasks whose creation was acknowledged.
    pub(super) fn add(&self, tasks: u64) {
        self.added.fetch_add(tasks, Ordering::Relaxed);
    }

    /// Tasks whose creation was not answered, or so that it may have happened.
    pub(super) fn add_perhaps(&self, tasks: u64) {
        self.added_perhaps.fetch_add(tasks, Ordering::Relaxed);
    }

    /// Tasks whose completion was acknowledged.
    pub(super) fn complete(&self, tasks: u64) {
        self.completed.fetch_add(tasks, Ordering::Relaxed);
    }

    /// A request that the service had no room for.
    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn added(&self) -> u64 {
        self.added.load(Ordering::Relaxed)
    }

    pub(super) fn completed(&self) -> u64 {
        self.completed.load(Ordering::Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Tasks that are known to be unfinished.
    pub(super) fn backlog(&self) -> u64 {
        self.added().saturating_sub(self.completed())
    }

    /// Compares with what the service says of the queue; `None` when the queue never had a task.
    pub(super) fn balance(&self, queue: Option<&Queue>) -> Balance {
        let totals = queue.map(|queue| queue.totals).unwrap_or_default();
        let left = queue.map_or(0, |queue| queue.depth.unfinished());
        let (added, perhaps) = (self.added(), self.added_perhaps.load(Ordering::Relaxed));
        let completed = self.completed();
        Balance {
            added_acknowledged: added,
            added_unanswered: perhaps,
            added_by_service: totals.created,
            completed_acknowledged: completed,
            completed_by_service: totals.completed,
            dead: totals.dead,
            left,
            agrees: (added..=added + perhaps).contains(&totals.created)
                && totals.completed >= completed
                && totals.completed + left == totals.created,
        }
    }
}

/// The load's books beside the service's, at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Creations that were acknowledged.
    pub added_acknowledged: u64,
    /// Creations that were not answered, and may have happened.
    pub added_unanswered: u64,
    /// Creations that the service counted.
    pub added_by_service: u64,
    /// Completions that were acknowledged.
    pub completed_acknowledged: u64,
    /// Completions that the service counted.
    pub completed_by_service: u64,
    /// Tasks that died.
    pub dead: u64,
    /// Tasks that are still unfinished.
    pub left: u64,
    /// Whether nothing that was acknowledged is missing, and nothing is there twice.
    pub agrees: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(created: u64, completed: u64, dead: u64, available: u64) -> Queue {
        let json = serde_json::json!({
            "name": "q", "paused": false, "oldest_age_seconds": null, "rates": null,
            "depth": {"scheduled": 0, "available": available, "running": 0},
            "totals": {"created": created, "completed": completed, "cancelled": 0, "dead": dead},
        });
        serde_json::from_value(json).expect("a queue")
    }

    #[test]
    fn a_missing_or_doubled_task_is_seen() {
        let ledger = Ledger::default();
        ledger.add(10);
        ledger.add_perhaps(2);
        ledger.complete(9);
        let agrees = |queue: &Queue| ledger.balance(Some(queue)).agrees;
        assert!(agrees(&queue(10, 10, 0, 0)), "a completion may have lost its answer");
        assert!(agrees(&queue(12, 9, 0, 3)), "unanswered creations may have happened");
        assert!(!agrees(&queue(9, 9, 0, 0)), "an acknowledged task is missing");
        assert!(!agrees(&queue(13, 13, 0, 0)), "a task is there that nobody added");
        assert!(!agrees(&queue(10, 8, 0, 2)), "an acknowledged completion is missing");
        assert!(!agrees(&queue(10, 9, 1, 0)), "a task died");
        assert!(!ledger.balance(None).agrees);
        assert!(Ledger::default().balance(None).agrees);
    }
}
