//! `drain`: workers work off what was added. The rate is that of acknowledged completions, from the first
//! claim to the last acknowledgement.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::BenchError;
use super::load::Load;
use super::measured::Measured;
use super::progress::Stage;
use super::workers::{Workers, unfinished};

/// Works off the backlog.
pub(super) async fn run(load: &Arc<Load>) -> Result<Measured, BenchError> {
    work_off(load, load.ledger.backlog(), &load.stop).await
}

/// Works off whatever is left, and says how much could not be. Not measured.
pub(super) async fn clean_up(load: &Load, give_up: &CancellationToken) -> Result<u64, BenchError> {
    let left = unfinished(load).await?;
    if left == 0 {
        return Ok(0);
    }
    let round = load.progress.now().0.round;
    load.progress.begin(Stage { round, name: "clean up", total: Some(left) });
    work_off(load, left, give_up).await?;
    Ok(unfinished(load).await?)
}

async fn work_off(load: &Load, tasks: u64, stop: &CancellationToken) -> Result<Measured, BenchError> {
    let began = Instant::now();
    let mut workers = Workers::start(load);
    let reached = workers.reach(load, tasks, stop).await;
    let measured = workers.completed();
    workers.end(load).await?;
    Ok(Measured::completed(measured, reached?.duration_since(began)))
}
