//! Telling a task to stop, and why.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// Why a running task was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The service says that the lease is no longer held: somebody else may be running the task.
    LeaseLost,
    /// No heartbeat arrived for so long that the lease is over.
    LeaseExpired,
    /// Somebody cancelled the task.
    CancelRequested,
    /// The attempt ran longer than the task's timeout.
    TimedOut,
    /// The worker is shutting down and waits no longer.
    Draining,
}

/// Whether one task was told to stop. Cheap to clone; clones share the answer. The first reason stays.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    token: CancellationToken,
    reason: Arc<OnceLock<StopReason>>,
}

impl Stop {
    /// Why the task was told to stop; `None` while it was not.
    pub fn reason(&self) -> Option<StopReason> {
        self.reason.get().copied()
    }

    /// Waits until the task is told to stop.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// Tells the task to stop.
    pub(crate) fn request(&self, reason: StopReason) {
        if self.reason.set(reason).is_ok() {
            self.token.cancel();
        }
    }
}
