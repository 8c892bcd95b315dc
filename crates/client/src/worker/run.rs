//! A worker, from its first claim to its last report.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::report::{Report, Reporter};
use super::running::Running;
use super::{Counts, CountsNow, Handler, StopReason, WorkerOptions, claim, heartbeat};
use crate::{Client, ClientError, RetryPolicy};

/// How long the last results may take to be delivered when the worker ends.
const DELIVERY_GRACE: Duration = Duration::from_secs(10);

/// A worker that has not started yet.
#[derive(Debug)]
pub struct Worker<H> {
    client: Client,
    options: WorkerOptions,
    handler: H,
    counts: Arc<Counts>,
}

/// What the parts of a worker share.
#[derive(Debug)]
pub(crate) struct Shared<H> {
    /// Sends each request once: the loops try again themselves, and say so.
    pub(crate) client: Client,
    pub(crate) options: WorkerOptions,
    pub(crate) handler: H,
    pub(crate) counts: Arc<Counts>,
    pub(crate) running: Arc<Running>,
    pub(crate) attempts: TaskTracker,
}

impl<H: Handler> Worker<H> {
    /// A worker of the service that `client` reaches.
    pub fn new(client: &Client, options: WorkerOptions, handler: H) -> Self {
        let client = client.with_retry(RetryPolicy::never());
        Self { client, options, handler, counts: Arc::default() }
    }

    /// The counts, to be watched while the worker runs.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Works until `shutdown` is cancelled, or until the queues are empty when that was asked for; then
    /// drains. Outages of the service are waited out.
    ///
    /// # Errors
    /// What the service refused a claim with, when asking again is useless: a wrong key, a bad name. The
    /// tasks that ran were drained before.
    pub async fn run(self, shutdown: CancellationToken) -> Result<CountsNow, ClientError> {
        let counts = self.counts();
        let running = Arc::new(Running::new(self.options.lease));
        let (reports, reporter, give_up) = self.start_reporter(&running);
        let (heartbeats, heartbeats_end) = self.start_heartbeats(&running);
        let shared = Arc::new(Shared {
            client: self.client,
            options: self.options,
            handler: self.handler,
            counts: Arc::clone(&counts),
            running,
            attempts: TaskTracker::new(),
        });

        let ended = claim::run(&shared, &reports, &shutdown).await;
        drain(&shared).await;
        drop(reports);
        finish_reports(reporter, &give_up).await;
        heartbeats_end.cancel();
        joined("heartbeats", heartbeats.await);
        ended.map(|()| counts.now())
    }

    fn start_reporter(
        &self,
        running: &Arc<Running>,
    ) -> (mpsc::Sender<Report>, JoinHandle<()>, CancellationToken) {
        let give_up = CancellationToken::new();
        let reporter = Reporter {
            client: self.client.clone(),
            running: Arc::clone(running),
            counts: Arc::clone(&self.counts),
            give_up: give_up.clone(),
        };
        // Full, it keeps slots occupied: a worker whose results are not taken claims nothing more.
        let (sender, inbox) = mpsc::channel(self.options.concurrency.max(1));
        (sender, tokio::spawn(reporter.run(inbox)), give_up)
    }

    fn start_heartbeats(&self, running: &Arc<Running>) -> (JoinHandle<()>, CancellationToken) {
        let end = CancellationToken::new();
        let (client, lease, until) = (self.client.clone(), self.options.lease, end.clone());
        let running = Arc::clone(running);
        (tokio::spawn(async move { heartbeat::run(client, &running, lease, until).await }), end)
    }
}

/// Lets running tasks finish, then tells the rest to stop. Their leases are kept meanwhile.
async fn drain<H: Handler>(shared: &Shared<H>) {
    shared.attempts.close();
    if tokio::time::timeout(shared.options.drain_timeout, shared.attempts.wait()).await.is_err() {
        shared.running.stop_all(StopReason::Draining);
        shared.attempts.wait().await;
    }
}

/// Waits for the last results, for as long as there is hope. All senders are gone already.
async fn finish_reports(mut reporter: JoinHandle<()>, give_up: &CancellationToken) {
    let in_time = tokio::time::timeout(DELIVERY_GRACE, &mut reporter).await;
    let ended = match in_time {
        Ok(ended) => ended,
        Err(_) => {
            give_up.cancel();
            reporter.await
        }
    };
    joined("reports", ended);
}

fn joined(part: &str, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(part, %error, "a part of the worker failed");
    }
}
