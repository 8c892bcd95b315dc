//! What is kept of a task beside its handler.

use taskward_api::Task;
use uuid::Uuid;

use crate::trace;

/// A task that is leased: what its heartbeats and its report say, and what lines of the log name it by.
#[derive(Debug)]
pub(crate) struct Leased {
    pub(crate) task: Uuid,
    pub(crate) queue: String,
    pub(crate) kind: String,
    pub(crate) attempt: u32,
    pub(crate) lease_token: String,
    /// The trace it belongs to.
    pub(crate) trace_id: Option<String>,
}

impl Leased {
    pub(crate) fn of(task: &Task) -> Self {
        Self {
            task: task.id,
            queue: task.queue.clone(),
            kind: task.kind.clone(),
            attempt: task.attempt,
            lease_token: task.lease_token.clone().unwrap_or_default(),
            trace_id: trace::of_task(task).map(|context| context.trace_id().to_owned()),
        }
    }
}
