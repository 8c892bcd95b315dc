//! Tasks come back from workers that are gone, and from attempts that hang.

use std::time::Duration;

use taskward_core::{TaskState, TraceContext};
use taskward_store::StoreError;

use super::{Pace, run_loop, while_writable};
use crate::engine::Engine;

/// Leases ended in one transaction.
const ROUND_MAX: usize = 500;
const PACE: Pace = Pace { gap: Duration::from_millis(50), idle: Duration::from_secs(5) };

pub(super) async fn run(engine: Engine) {
    let alarm = engine.rescue_alarm.clone();
    run_loop("rescue", PACE, &alarm, || while_writable(engine.mode(), run_once(&engine))).await;
}

async fn run_once(engine: &Engine) -> Result<Option<Duration>, StoreError> {
    let rescued = engine.store().rescue_expired(ROUND_MAX).await?;
    engine.metrics.rescued(&rescued.tasks);
    for task in &rescued.tasks {
        tracing::warn!(
            task.id = %task.id, queue = task.queue, kind = task.kind, attempt = task.error.attempt,
            state = task.state.as_str(), worker_id = task.error.worker_id, error.r#type = task.error.kind,
            trace.id = task.trace_context.as_ref().map(TraceContext::trace_id),
            "{}", task.error.message
        );
        match task.state {
            TaskState::Available => engine.became_available([task.queue.as_str()]),
            TaskState::Scheduled => engine.promote_alarm.ring_in(Duration::ZERO),
            state if state.is_finished() => engine.announce_finished(task.id),
            _ => {}
        }
    }
    Ok(rescued.next_expiry_in)
}
