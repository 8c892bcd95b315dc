//! Scheduled tasks become available when their time has come.

use std::time::Duration;

use taskward_store::StoreError;

use super::{Pace, run_loop, while_writable};
use crate::engine::Engine;

/// Tasks promoted in one transaction.
const ROUND_MAX: usize = 1_000;
/// The idle time covers tasks that were scheduled by an instance that is gone.
const PACE: Pace = Pace { gap: Duration::from_millis(10), idle: Duration::from_secs(5) };

pub(super) async fn run(engine: Engine) {
    let alarm = engine.promote_alarm.clone();
    run_loop("promote", PACE, &alarm, || while_writable(engine.mode(), run_once(&engine))).await;
}

async fn run_once(engine: &Engine) -> Result<Option<Duration>, StoreError> {
    let promoted = engine.store().promote_due(ROUND_MAX).await?;
    if promoted.count > 0 {
        tracing::debug!(count = promoted.count, "promoted due tasks");
        engine.became_available(promoted.queues.iter().map(String::as_str));
    }
    Ok(promoted.next_due_in)
}
