//! Queues.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All queues.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QueueList {
    /// Those that have had a task or were paused, by name.
    pub queues: Vec<Queue>,
}

/// A queue and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Whether it gives out no tasks.
    pub paused: bool,
    /// Unfinished tasks by state.
    pub depth: QueueDepth,
    /// What has happened since the queue was first used.
    pub totals: QueueTotals,
    /// How long the first available task has been waiting, in seconds; null when none waits.
    pub oldest_age_seconds: Option<f64>,
    /// What happens now; null until the service has watched for long enough.
    pub rates: Option<QueueRates>,
}

/// Unfinished tasks by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueDepth {
    /// Waiting for their time.
    pub scheduled: u64,
    /// Can be claimed.
    pub available: u64,
    /// Leased to workers.
    pub running: u64,
}

impl QueueDepth {
    /// All unfinished tasks.
    pub fn unfinished(&self) -> u64 {
        self.scheduled + self.available + self.running
    }
}

/// Counts since the queue was first used; pruning does not lower them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueTotals {
    /// Tasks created.
    pub created: u64,
    /// Tasks completed.
    pub completed: u64,
    /// Tasks cancelled.
    pub cancelled: u64,
    /// Tasks that died, less those brought back.
    pub dead: u64,
}

/// Tasks per second, over the last minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueueRates {
    /// Created.
    pub created_per_second: f64,
    /// Completed.
    pub completed_per_second: f64,
    /// Died.
    pub dead_per_second: f64,
}
