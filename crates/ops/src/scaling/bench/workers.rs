//! Workers with nothing to do: the worker loop of the SDK, and a handler that completes at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use taskward_client::worker::{Counts, CountsNow, Outcome, TaskContext, Worker, WorkerOptions};
use taskward_client::{ClientError, ProblemCode, Task};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::BenchError;
use super::load::Load;

/// How often the counts are looked at: the error of a measured time.
const LOOK: Duration = Duration::from_millis(2);
/// Without anything completed for this long, the service is asked whether anything is left.
const QUIET: Duration = Duration::from_secs(1);
/// Without anything completed for this long, nothing will be.
const STALLED: Duration = Duration::from_secs(30);

/// Workers that run.
pub(super) struct Workers {
    running: JoinSet<Result<CountsNow, ClientError>>,
    counts: Vec<Arc<Counts>>,
    stop: CancellationToken,
}

impl Workers {
    /// Starts them.
    pub(super) fn start(load: &Load) -> Self {
        let (mut running, mut counts) = (JoinSet::new(), Vec::new());
        let stop = CancellationToken::new();
        for (number, client) in load.worker_clients.iter().enumerate() {
            let options = WorkerOptions {
                worker_id: format!("{}-{number}", load.queue),
                queues: vec![load.queue.clone()],
                concurrency: load.options.concurrency,
                ..WorkerOptions::default()
            };
            let worker = Worker::new(client, options, complete);
            counts.push(worker.counts());
            running.spawn(worker.run(stop.clone()));
        }
        Self { running, counts, stop }
    }

    /// How many completions were acknowledged so far.
    pub(super) fn completed(&self) -> u64 {
        self.counts.iter().map(|counts| counts.now().completed).sum()
    }

    /// Whether one of them could not go on.
    pub(super) fn check(&mut self) -> Result<(), ClientError> {
        match self.running.try_join_next() {
            Some(Ok(Err(error))) => Err(error),
            Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            _ => Ok(()),
        }
    }

    /// Waits until that many completions were acknowledged, or nothing is left. Returns the moment of the last
    /// one.
    pub(super) async fn reach(
        &mut self,
        load: &Load,
        goal: u64,
        stop: &CancellationToken,
    ) -> Result<Instant, BenchError> {
        let (mut seen, mut moved) = (self.completed(), Instant::now());
        let mut asked = moved;
        while seen < goal && !stop.is_cancelled() {
            tokio::time::sleep(LOOK).await;
            self.check()?;
            let completed = self.completed();
            load.progress.set(completed);
            if completed > seen {
                (seen, moved) = (completed, Instant::now());
                continue;
            }
            if moved.elapsed() > QUIET && asked.elapsed() > QUIET {
                asked = Instant::now();
                let left = unfinished(load).await?;
                if left == 0 {
                    break;
                }
                if moved.elapsed() > STALLED {
                    let scenario = load.progress.now().0.name;
                    return Err(BenchError::Stalled { scenario, after: STALLED, left });
                }
            }
        }
        Ok(moved)
    }

    /// Ends them: what they hold is finished, and reported. Returns how many completions were acknowledged.
    pub(super) async fn end(mut self, load: &Load) -> Result<u64, ClientError> {
        self.stop.cancel();
        let mut failed = None;
        while let Some(ended) = self.running.join_next().await {
            match ended {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => failed = Some(error),
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
        let completed = self.completed();
        load.ledger.complete(completed);
        failed.map_or(Ok(completed), Err)
    }
}

/// What the workers run.
async fn complete(_: Task, _: TaskContext) -> Outcome {
    Outcome::Completed(None)
}

/// How many tasks of the run's queue are unfinished, by the service's own count.
pub(super) async fn unfinished(load: &Load) -> Result<u64, ClientError> {
    match load.client.queue(&load.queue).await {
        Ok(queue) => Ok(queue.depth.unfinished()),
        Err(error) if error.code() == Some(ProblemCode::NotFound) => Ok(0),
        Err(error) => Err(error),
    }
}
