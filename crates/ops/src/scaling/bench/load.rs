//! What the scenarios share: the service, the queue, the books.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Uri;
use serde::Deserialize;
use serde::de::IgnoredAny;
use taskward_client::{Client, ClientError, Json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connection::{Answer, Connection, Target};
use super::ledger::Ledger;
use super::options::BenchOptions;
use super::progress::Progress;

/// How long a slot waits after the service had no room for its request.
pub(super) const LATER: Duration = Duration::from_millis(20);

/// The kind of the tasks.
const KIND: &str = "bench";

/// A run, as its scenarios see it.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) target: Arc<Target>,
    pub(super) client: Client,
    /// A client for each worker.
    pub(super) worker_clients: Vec<Client>,
    pub(super) options: BenchOptions,
    /// The queue that is this run's own.
    pub(super) queue: String,
    pub(super) ledger: Ledger,
    pub(super) progress: Arc<Progress>,
    /// Cancelled when somebody wants the run to end.
    pub(super) stop: CancellationToken,
}

impl Load {
    /// A task, with a payload of the size that was asked for.
    pub(super) fn task(&self) -> String {
        // Two of the bytes are the quotation marks.
        let text = text(self.options.payload_bytes.saturating_sub(2));
        format!(r#"{{"kind":"{KIND}","queue":"{}","payload":"{text}"}}"#, self.queue)
    }

    /// A task that is known by a number, which [`number_of`] finds in its payload.
    pub(super) fn numbered_task(&self, number: u64) -> Bytes {
        let head = format!(r#"{{"n":{number},"text":""#);
        let text = text(self.options.payload_bytes.saturating_sub(head.len() + 2));
        format!(r#"{{"kind":"{KIND}","queue":"{}","payload":{head}{text}"}}}}"#, self.queue).into()
    }

    /// A body with that many tasks.
    pub(super) fn batch(&self, tasks: usize) -> Bytes {
        let tasks: Vec<_> = (0..tasks).map(|_| self.task()).collect();
        format!(r#"{{"tasks":[{}]}}"#, tasks.join(",")).into()
    }

    /// Sends a request until the service takes it or it is useless. `tasks` is how many it creates.
    pub(super) async fn create(
        &self,
        connection: &mut Connection,
        path: &Uri,
        body: &Bytes,
        tasks: u64,
    ) -> Result<Option<Answer>, ClientError> {
        loop {
            let answer = match connection.post(path, body.clone()).await {
                Ok(answer) => answer,
                Err(error) => {
                    self.ledger.add_perhaps(tasks);
                    return Err(error);
                }
            };
            if answer.status.is_success() {
                return Ok(Some(answer));
            }
            if !answer.is_later() {
                return Err(connection.refused(&answer));
            }
            self.ledger.refuse();
            if !answer.changed_nothing() {
                self.ledger.add_perhaps(tasks);
            }
            if self.stop.is_cancelled() {
                return Ok(None);
            }
            tokio::time::sleep(LATER).await;
        }
    }

    /// Takes note of the answer to a batch. Returns how many tasks were created.
    pub(super) fn created(&self, answer: &Answer, tasks: u64) -> Result<u64, ClientError> {
        let results: Batch = serde_json::from_slice(&answer.body).map_err(|error| ClientError::Protocol {
            url: self.client.url().to_owned(),
            status: answer.status.as_u16(),
            detail: error.to_string(),
        })?;
        let created = results.results.iter().filter(|item| item.error.is_none()).count();
        let created = u64::try_from(created).unwrap_or(u64::MAX).min(tasks);
        self.ledger.add(created);
        self.progress.add(created);
        Ok(created)
    }

    /// Whether a scenario that began at `began` should go on adding or working.
    pub(super) fn goes_on(&self, began: Instant) -> bool {
        !self.stop.is_cancelled() && began.elapsed() < self.options.duration
    }
}

/// Text that cannot be compressed to nothing.
fn text(length: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(length).collect()
}

/// The number of a numbered task, from its payload.
pub(super) fn number_of(payload: &Json) -> Option<u64> {
    #[derive(Deserialize)]
    struct Numbered {
        n: u64,
    }
    serde_json::from_str::<Numbered>(payload.get()).ok().map(|numbered| numbered.n)
}

/// The part of a batch's answer that counts.
#[derive(Deserialize)]
struct Batch {
    results: Vec<BatchItem>,
}

#[derive(Deserialize)]
struct BatchItem {
    error: Option<IgnoredAny>,
}

/// Runs one future for each connection, all at once, and returns what they return. The first error ends all.
pub(super) async fn in_slots<T, F>(
    connections: Vec<Connection>,
    mut slot: impl FnMut(Connection) -> F,
) -> Result<Vec<T>, ClientError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, ClientError>> + Send + 'static,
{
    let mut slots: JoinSet<_> = connections.into_iter().map(&mut slot).collect();
    let mut returned = Vec::with_capacity(slots.len());
    while let Some(ended) = slots.join_next().await {
        match ended {
            Ok(value) => returned.push(value?),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    Ok(returned)
}
