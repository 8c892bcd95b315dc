//! Which workers asked lately is written down every few seconds, not with every claim.

use std::time::Duration;

use super::{Alarm, Pace, run_loop};
use crate::engine::Engine;

const PACE: Pace = Pace { gap: Duration::ZERO, idle: Duration::from_secs(5) };

pub(super) async fn run(engine: Engine, instance: String) {
    run_loop("workers", PACE, &Alarm::default(), || async {
        let seen = engine.workers.take(&instance);
        if !seen.is_empty() {
            engine.store().record_workers(seen).await?;
        }
        Ok(None)
    })
    .await;
}
