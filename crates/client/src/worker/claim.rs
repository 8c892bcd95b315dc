//! Taking tasks, as many as there are free slots.

use std::sync::Arc;
use std::time::Duration;

use taskward_api::{ProblemCode, Task};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::leased::Leased;
use super::report::Report;
use super::run::Shared;
use super::{Handler, Outcome, attempt};
use crate::retry::backoff;
use crate::{ClientError, RetryPolicy};

/// How long an answer that is on its way when the worker shuts down may still take.
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// How a claim ended.
enum Claim {
    Tasks(Vec<Task>),
    ShutDown(Vec<Task>),
    Failed(ClientError),
}

/// Claims until `shutdown`, or until the queues are empty when that was asked for.
///
/// # Errors
/// What the service refused a claim with, when asking again is useless.
pub(crate) async fn run<H: Handler>(
    shared: &Arc<Shared<H>>,
    reports: &mpsc::Sender<Report>,
    shutdown: &CancellationToken,
) -> Result<(), ClientError> {
    let slots = Arc::new(Semaphore::new(shared.options.concurrency.max(1)));
    let (mut failures, mut warned) = (0, false);
    while let Some(slot) = next_slot(shared, &slots, shutdown).await {
        let free = slots.available_permits() + 1;
        match claim(shared, free, shutdown).await {
            Claim::Tasks(tasks) if tasks.is_empty() => {
                failures = 0;
                drop(slot);
                if shared.options.until_empty && queues_are_empty(shared, &mut warned).await {
                    return Ok(());
                }
            }
            Claim::Tasks(tasks) => {
                failures = 0;
                start_all(shared, reports, tasks, slot, &slots).await;
            }
            Claim::ShutDown(tasks) => {
                give_back(shared, reports, tasks).await;
                return Ok(());
            }
            Claim::Failed(error) if !is_worth_a_retry(&error) => return Err(error),
            Claim::Failed(error) => {
                failures += 1;
                pause(&error, failures, shutdown).await;
            }
        }
    }
    Ok(())
}

/// A free slot, once claiming makes sense; `None` on shutdown.
async fn next_slot<H: Handler>(
    shared: &Shared<H>,
    slots: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<OwnedSemaphorePermit> {
    let ready = async {
        shared.running.heartbeats_ok().await;
        Arc::clone(slots).acquire_owned().await.ok()
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        slot = ready => slot,
    }
}

async fn claim<H: Handler>(shared: &Shared<H>, free: usize, shutdown: &CancellationToken) -> Claim {
    let request = shared.options.claim(free);
    let answer = shared.client.claim(&request);
    tokio::pin!(answer);
    let answered = tokio::select! {
        answered = &mut answer => answered,
        () = shutdown.cancelled() => {
            // An answer on its way holds leases that nobody else will give back.
            let last = tokio::time::timeout(LAST_ANSWER, answer).await;
            return Claim::ShutDown(last.ok().and_then(Result::ok).unwrap_or_default());
        }
    };
    let tasks = match answered {
        Ok(tasks) => tasks,
        Err(error) => return Claim::Failed(error),
    };
    if shutdown.is_cancelled() { Claim::ShutDown(tasks) } else { Claim::Tasks(tasks) }
}

async fn start_all<H: Handler>(
    shared: &Arc<Shared<H>>,
    reports: &mpsc::Sender<Report>,
    tasks: Vec<Task>,
    slot: OwnedSemaphorePermit,
    slots: &Arc<Semaphore>,
) {
    shared.counts.claimed(tasks.len());
    let mut slot = Some(slot);
    for task in tasks {
        // Only this loop takes slots, and no more tasks were asked for than slots were free.
        let slot = match slot.take() {
            Some(slot) => Some(slot),
            None => Arc::clone(slots).acquire_owned().await.ok(),
        };
        if let Some(slot) = slot {
            attempt::start(shared, reports, task, slot);
        }
    }
}

async fn give_back<H: Handler>(shared: &Shared<H>, reports: &mpsc::Sender<Report>, tasks: Vec<Task>) {
    shared.counts.claimed(tasks.len());
    for task in tasks {
        let leased = Arc::new(Leased::of(&task));
        let report = Report::new(uuid::Uuid::now_v7(), leased, Outcome::Released);
        // The receiver outlives the claims.
        let _ = reports.send(report).await;
    }
}

/// Whether no queue holds an unfinished task. Not knowing is not empty. Says once that a paused queue will not
/// become empty by itself.
async fn queues_are_empty<H: Handler>(shared: &Shared<H>, warned: &mut bool) -> bool {
    if !shared.running.is_empty() {
        return false;
    }
    for queue in &shared.options.queues {
        match shared.client.queue(queue).await {
            Ok(queue) if queue.depth.unfinished() == 0 => {}
            Ok(queue) => {
                if queue.paused && queue.depth.available > 0 && !std::mem::replace(warned, true) {
                    tracing::warn!(queue = queue.name, "the queue is paused: what is in it waits");
                }
                return false;
            }
            Err(error) if error.code() == Some(ProblemCode::NotFound) => {}
            Err(error) => {
                tracing::warn!(%error, queue, "cannot tell whether the queue is empty");
                return false;
            }
        }
    }
    true
}

/// A worker outlives its service's restarts and its network's failures, not its own mistakes.
fn is_worth_a_retry(error: &ClientError) -> bool {
    error.is_transient() || matches!(error, ClientError::Protocol { .. })
}

async fn pause(error: &ClientError, failures: u32, shutdown: &CancellationToken) {
    let delay = backoff(&RetryPolicy::default(), failures, fastrand::f64());
    let delay = error.retry_after().map_or(delay, |asked| asked.min(Duration::from_secs(30)) + delay / 4);
    tracing::warn!(%error, ?delay, "cannot claim; trying again");
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(delay) => {}
    }
}
