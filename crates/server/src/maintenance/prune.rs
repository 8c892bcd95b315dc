//! History is kept for as long as the configuration says.

use std::time::Duration;

use taskward_store::StoreError;

use super::{Alarm, Pace, run_loop, while_writable};
use crate::engine::Engine;

/// Rows deleted in one transaction, where history cannot be dropped by the partition.
const ROUND_MAX: usize = 5_000;

pub(super) async fn run(engine: Engine, retention: Duration) {
    // A short retention is meant to be noticed; a long one need not be kept to the second.
    let idle = (retention / 10).clamp(Duration::from_secs(1), Duration::from_secs(60));
    let pace = Pace { gap: Duration::from_millis(100), idle };
    run_loop("prune", pace, &Alarm::default(), || {
        while_writable(engine.mode(), run_once(&engine, retention))
    })
    .await;
}

async fn run_once(engine: &Engine, retention: Duration) -> Result<Option<Duration>, StoreError> {
    let pruned = engine.store().prune(retention, ROUND_MAX).await?;
    if pruned.tasks > 0 || pruned.partitions > 0 {
        tracing::info!(tasks = pruned.tasks, partitions = pruned.partitions, "pruned history");
    }
    let more = pruned.tasks >= ROUND_MAX as u64 || pruned.idempotency_keys >= ROUND_MAX as u64;
    Ok(more.then_some(Duration::ZERO))
}
