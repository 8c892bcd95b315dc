//! What a worker serves, and how.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::global::BoxedTracer;
use taskward_api::ClaimRequest;

/// The settings of a worker.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Who it is, 1 to 200 characters: the same for its whole life, and nobody else's.
    pub worker_id: String,
    /// The queues it serves, in strict order.
    pub queues: Vec<String>,
    /// The kinds it can do; empty means all.
    pub kinds: Vec<String>,
    /// How many tasks it runs at once, at least 1.
    pub concurrency: usize,
    /// How long each lease lasts. A lost worker's tasks come back after this long.
    pub lease: Duration,
    /// How long one claim waits for a task.
    pub wait: Duration,
    /// How long running tasks may go on once the worker is told to shut down.
    pub drain_timeout: Duration,
    /// How long a handler that was told to stop may take before it is dropped.
    pub stop_grace: Duration,
    /// Ends by itself once the queues hold no unfinished task.
    pub until_empty: bool,
    /// Makes a span of each attempt, which what the handler does through OpenTelemetry becomes part of; none by
    /// default. A program's own is `opentelemetry::global::tracer(…)`.
    pub tracer: Option<Arc<BoxedTracer>>,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            worker_id: String::new(),
            queues: vec!["default".to_owned()],
            kinds: Vec::new(),
            concurrency: 1,
            lease: Duration::from_secs(60),
            wait: Duration::from_secs(20),
            drain_timeout: Duration::from_secs(30),
            stop_grace: Duration::from_secs(5),
            until_empty: false,
            tracer: None,
        }
    }
}

impl WorkerOptions {
    /// How long a claim waits while the worker watches for its queues to become empty.
    const WAIT_UNTIL_EMPTY: Duration = Duration::from_millis(500);

    /// A claim for at most `free` tasks.
    pub(crate) fn claim(&self, free: usize) -> ClaimRequest {
        let wait = if self.until_empty { self.wait.min(Self::WAIT_UNTIL_EMPTY) } else { self.wait };
        ClaimRequest {
            worker_id: self.worker_id.clone(),
            queues: self.queues.clone(),
            kinds: (!self.kinds.is_empty()).then(|| self.kinds.clone()),
            // The service hands out no more than 1,000 tasks at once.
            max: Some(i64::try_from(free.min(1_000)).unwrap_or(1_000)),
            wait: Some(wait.into()),
            lease: Some(self.lease.into()),
        }
    }
}
