//! Which workers asked lately is written down every few seconds, not with every claim.

use std::time::Duration;

use taskward_store::StoreError;

use super::{Alarm, Pace, run_loop, while_writable};
use crate::engine::Engine;

const PACE: Pace = Pace { gap: Duration::ZERO, idle: Duration::from_secs(5) };

pub(super) async fn run(engine: Engine, instance: String) {
    run_loop("workers", PACE, &Alarm::default(), || {
        while_writable(engine.mode(), run_once(&engine, &instance))
    })
    .await;
}

async fn run_once(engine: &Engine, instance: &str) -> Result<Option<Duration>, StoreError> {
    let seen = engine.workers.take(instance);
    if !seen.is_empty() {
        engine.store().record_workers(seen).await?;
    }
    Ok(None)
}
