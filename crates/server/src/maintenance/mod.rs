//! What the service does without being asked. Each loop is a `run_once` that says when it wants to run
//! again, plus a clock and a bell; all of them may run on every instance at once.

mod alarm;
mod others;
mod promote;
mod prune;
mod rates;
mod rescue;
mod workers;

use std::future::Future;
use std::time::Duration;

use taskward_store::StoreError;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::mode::ModeSwitch;
use crate::settings::Settings;

pub use alarm::Alarm;
pub use rates::Rates;

/// Starts every loop. They end when the set is dropped.
pub fn start(engine: &Engine, settings: &Settings, rates: &Rates) -> JoinSet<()> {
    let mut loops = JoinSet::new();
    loops.spawn(promote::run(engine.clone()));
    loops.spawn(rescue::run(engine.clone()));
    loops.spawn(prune::run(engine.clone(), settings.retention));
    loops.spawn(rates::run(engine.clone(), rates.clone()));
    loops.spawn(workers::run(engine.clone(), settings.instance.clone()));
    loops.spawn(others::listen(engine.clone()));
    loops.spawn(others::tell(engine.clone()));
    loops
}

/// How often a loop runs at most and at least.
struct Pace {
    /// Between the end of a round and the next, however loud the bell rings.
    gap: Duration,
    /// Between two rounds when nothing rings.
    idle: Duration,
}

/// A round that writes: waits while the service is read-only, and is given up when that begins. What it left undone
/// is found by the next round.
async fn while_writable(
    mode: &ModeSwitch,
    round: impl Future<Output = Result<Option<Duration>, StoreError>>,
) -> Result<Option<Duration>, StoreError> {
    mode.writable().await;
    tokio::select! {
        biased;
        () = mode.read_only_begins() => Ok(Some(Duration::ZERO)),
        outcome = round => outcome,
    }
}

/// Runs `run_once` for ever: when the alarm is due, or at the latest after the idle time. A round returns
/// the time until it knows of more to do. A failed round is logged once per streak and tried again.
async fn run_loop<F>(name: &'static str, pace: Pace, alarm: &Alarm, mut run_once: impl FnMut() -> F)
where
    F: Future<Output = Result<Option<Duration>, StoreError>>,
{
    let mut failing = false;
    loop {
        alarm.clear();
        let wait = match run_once().await {
            Ok(next) => {
                if std::mem::take(&mut failing) {
                    tracing::info!(loop_name = name, "a maintenance loop works again");
                }
                next.unwrap_or(pace.idle).min(pace.idle)
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(
                        loop_name = name,
                        error = &error as &dyn std::error::Error,
                        "a maintenance loop fails"
                    );
                }
                metrics::counter!("taskward_maintenance_failures_total", "loop" => name).increment(1);
                pace.idle.min(Duration::from_secs(1))
            }
        };
        tokio::time::sleep(pace.gap).await;
        alarm.wait(Instant::now() + wait.saturating_sub(pace.gap)).await;
    }
}
