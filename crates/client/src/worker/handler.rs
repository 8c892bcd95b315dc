//! What a worker runs.

use std::future::Future;
use std::sync::Arc;

use taskward_api::{Json, Task, TraceContext};
use uuid::Uuid;

use super::running::Running;
use super::{Outcome, Stop};

/// Does the work of a task.
///
/// A task may be run more than once: when a worker or its network is lost, another takes over. What the
/// work does to the world should be keyed by the task's `id`, and by `attempt` where attempts differ.
pub trait Handler: Send + Sync + 'static {
    /// Runs one attempt. When [`TaskContext::stop`] is requested it should return soon; it is dropped when
    /// it does not. A panic is a failed attempt.
    fn run(&self, task: Task, context: TaskContext) -> impl Future<Output = Outcome> + Send;
}

impl<F, Fut> Handler for F
where
    F: Fn(Task, TaskContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send,
{
    fn run(&self, task: Task, context: TaskContext) -> impl Future<Output = Outcome> + Send {
        self(task, context)
    }
}

/// What a handler is given besides the task.
#[derive(Debug, Clone)]
pub struct TaskContext {
    /// Requested when the task should stop.
    pub stop: Stop,
    pub(crate) entry: Uuid,
    pub(crate) running: Arc<Running>,
    pub(crate) trace: Option<TraceContext>,
}

impl TaskContext {
    /// The trace that the work is part of, where there is one: the attempt's span when the worker makes spans, else
    /// what the task came with. A program that is started for the work is told by `TRACEPARENT` and `TRACESTATE`;
    /// calls that this crate and OpenTelemetry make within the handler know it already.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    /// Says how far the work is: a JSON object of at most 16 KiB, sent with the next heartbeat.
    pub fn progress(&self, progress: Json) {
        self.running.set_progress(self.entry, progress);
    }
}
