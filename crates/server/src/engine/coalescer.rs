//! Group commit: what arrives while a transaction is in flight shares the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use taskward_store::StoreError;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::EngineError;
use crate::mode::ModeSwitch;
use crate::telemetry::metrics::BatchMetrics;

/// A verb of the store that takes many items in one transaction.
#[async_trait]
pub(crate) trait BatchVerb: Send + Sync + 'static {
    /// Its name, for metrics and logs.
    const NAME: &'static str;
    /// What it takes. Cloned for each attempt, so that a refused batch can be tried item by item.
    type Item: Clone + Send + 'static;
    /// What it gives for each item.
    type Output: Send + 'static;

    /// Applies the items in one transaction: a result for each, or nothing happened.
    async fn apply(&self, items: Vec<Self::Item>) -> Result<Vec<Self::Output>, StoreError>;

    /// What a submission of several items gets for one that the database refuses by itself, since the others are
    /// applied by then. `None` for a verb that is given one item at a time.
    fn refused() -> Option<Self::Output> {
        None
    }
}

struct Submission<V: BatchVerb> {
    items: Vec<V::Item>,
    reply: oneshot::Sender<Result<Vec<V::Output>, EngineError>>,
}

/// Gathers items of one verb into transactions. Its queue is unbounded; the [`super::Budget`] bounds what
/// is put into it.
pub(crate) struct Coalescer<V: BatchVerb> {
    submissions: mpsc::UnboundedSender<Submission<V>>,
    batch_max: usize,
    /// Items that have not been put into a batch yet.
    waiting: Arc<AtomicUsize>,
}

impl<V: BatchVerb> Clone for Coalescer<V> {
    fn clone(&self) -> Self {
        let waiting = Arc::clone(&self.waiting);
        Self { submissions: self.submissions.clone(), batch_max: self.batch_max, waiting }
    }
}

impl<V: BatchVerb> Coalescer<V> {
    /// Starts the gathering task. It ends, after its last batch, when the last clone is dropped.
    pub(crate) fn start(verb: V, mode: &ModeSwitch, in_flight_max: usize, batch_max: usize) -> Self {
        let (submissions, inbox) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let batches = Batches { verb, mode: mode.clone(), metrics: BatchMetrics::of(V::NAME) };
        tokio::spawn(gather(Arc::new(batches), inbox, in_flight_max, batch_max, Arc::clone(&waiting)));
        Self { submissions, batch_max, waiting }
    }

    /// The verb, and how many items wait for a transaction of it.
    pub(super) fn waiting(&self) -> (&'static str, usize) {
        (V::NAME, self.waiting.load(Ordering::Relaxed))
    }

    /// Has the items applied, together with others', and returns when they are durable.
    pub(crate) async fn submit(&self, items: Vec<V::Item>) -> Result<Vec<V::Output>, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.waiting.fetch_add(items.len(), Ordering::Relaxed);
        // Both fail only when the runtime is being torn down.
        self.submissions.send(Submission { items, reply }).map_err(|_| EngineError::Draining)?;
        answer.await.map_err(|_| EngineError::Draining)?
    }

    /// As [`Self::submit`], as several transactions where there are many items.
    pub(crate) async fn submit_chunked(
        &self,
        mut items: Vec<V::Item>,
    ) -> Result<Vec<V::Output>, EngineError> {
        if items.len() <= self.batch_max {
            return self.submit(items).await;
        }
        let mut chunks = Vec::with_capacity(items.len() / self.batch_max + 1);
        while items.len() > self.batch_max {
            let rest = items.split_off(self.batch_max);
            chunks.push(std::mem::replace(&mut items, rest));
        }
        chunks.push(items);
        let results = try_join_all(chunks.into_iter().map(|chunk| self.submit(chunk))).await?;
        Ok(results.into_iter().flatten().collect())
    }
}

/// What every batch of a verb needs.
struct Batches<V> {
    verb: V,
    mode: ModeSwitch,
    metrics: BatchMetrics,
}

async fn gather<V: BatchVerb>(
    batches: Arc<Batches<V>>,
    mut inbox: mpsc::UnboundedReceiver<Submission<V>>,
    in_flight_max: usize,
    batch_max: usize,
    waiting: Arc<AtomicUsize>,
) {
    let slots = Arc::new(Semaphore::new(in_flight_max));
    let mut carried = None;
    loop {
        // The slot comes first: everything that arrives while all slots are taken joins the next batch.
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let first = match carried.take() {
            Some(submission) => submission,
            None => match inbox.recv().await {
                Some(submission) => submission,
                None => return,
            },
        };
        let mut size = first.items.len();
        let mut batch = vec![first];
        while size < batch_max {
            let Ok(next) = inbox.try_recv() else { break };
            size += next.items.len();
            if size > batch_max {
                carried = Some(next);
                break;
            }
            batch.push(next);
        }
        let items = batch.iter().map(|submission| submission.items.len()).sum();
        waiting.fetch_sub(items, Ordering::Relaxed);
        let batches = Arc::clone(&batches);
        tokio::spawn(async move {
            batches.commit(batch).await;
            drop(slot);
        });
    }
}

impl<V: BatchVerb> Batches<V> {
    /// Applies a batch and answers everybody in it.
    async fn commit(&self, batch: Vec<Submission<V>>) {
        // What has waited until now was not tried: it can still be told so for sure.
        if let Some(cause) = self.mode.read_only() {
            return refuse(batch, &EngineError::ReadOnly(cause));
        }
        let items: Vec<V::Item> =
            batch.iter().flat_map(|submission| submission.items.iter().cloned()).collect();
        let (count, begun) = (items.len(), Instant::now());
        let applied = self.verb.apply(items).await;
        self.metrics.ended(count, begun.elapsed());
        match applied {
            Ok(outputs) => answer(batch, outputs),
            Err(error) if error.is_transient() || count == 1 => {
                if error.is_transient() {
                    self.mode.suspect();
                }
                refuse(batch, &EngineError::Store(Arc::new(error)));
            }
            Err(error) => {
                log_refused(V::NAME, &error);
                one_by_one(&self.verb, batch).await;
            }
        }
    }
}

fn refuse<V: BatchVerb>(batch: Vec<Submission<V>>, error: &EngineError) {
    for submission in batch {
        let _ = submission.reply.send(Err(error.clone()));
    }
}

fn log_refused(verb: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(verb, error, "a batch was refused; trying its items one by one");
}

/// One line for a submission, however many of its items are bad: all of them, perhaps.
fn log_refused_items(verb: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::error!(verb, error, "the database refused items of a request; the others were applied");
}

fn answer<V: BatchVerb>(batch: Vec<Submission<V>>, mut outputs: Vec<V::Output>) {
    // From the end: what is left stays where it is, and the only submission's outputs are not moved at all.
    for submission in batch.into_iter().rev() {
        let others = outputs.len().saturating_sub(submission.items.len());
        let own = if others == 0 { std::mem::take(&mut outputs) } else { outputs.split_off(others) };
        // Whoever asked may be gone; what was done is done.
        let _ = submission.reply.send(Ok(own));
    }
}

/// Finds the items that poison a batch: they fail alone.
async fn one_by_one<V: BatchVerb>(verb: &V, batch: Vec<Submission<V>>) {
    for submission in batch {
        let applied = each(verb, submission.items).await;
        let _ = submission.reply.send(applied.map_err(|error| EngineError::Store(Arc::new(error))));
    }
}

/// Applies the items of one submission, each in a transaction of its own. It fails as a whole when the database goes
/// away meanwhile: nobody knows then what became of the rest.
async fn each<V: BatchVerb>(verb: &V, items: Vec<V::Item>) -> Result<Vec<V::Output>, StoreError> {
    let count = items.len();
    let mut outputs = Vec::with_capacity(count);
    let mut refusal = None;
    for item in items {
        match verb.apply(vec![item]).await {
            Ok(output) => outputs.extend(output),
            Err(error) if count > 1 && !error.is_transient() => {
                let Some(output) = V::refused() else { return Err(error) };
                outputs.push(output);
                refusal = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(error) = &refusal {
        log_refused_items(V::NAME, error);
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Doubles numbers; refuses any batch with a 13 in it; remembers the batches.
    struct Double(Arc<Mutex<Vec<usize>>>, Arc<Semaphore>);

    #[async_trait]
    impl BatchVerb for Double {
        const NAME: &'static str = "double";
        type Item = u32;
        type Output = u32;

        async fn apply(&self, items: Vec<u32>) -> Result<Vec<u32>, StoreError> {
            self.1.acquire().await.expect("open").forget();
            self.0.lock().expect("not poisoned").push(items.len());
            if items.contains(&13) {
                return Err(StoreError::Rejected("unlucky".into()));
            }
            Ok(items.into_iter().map(|item| item * 2).collect())
        }

        fn refused() -> Option<u32> {
            Some(0)
        }
    }

    fn double(permits: usize) -> (Coalescer<Double>, Arc<Mutex<Vec<usize>>>, Arc<Semaphore>) {
        let batches = Arc::new(Mutex::new(Vec::new()));
        let gate = Arc::new(Semaphore::new(permits));
        (
            Coalescer::start(Double(Arc::clone(&batches), Arc::clone(&gate)), &ModeSwitch::default(), 1, 10),
            batches,
            gate,
        )
    }

    #[tokio::test]
    async fn what_arrives_during_a_commit_shares_the_next() {
        let (coalescer, batches, gate) = double(0);
        let submit = |item| {
            let coalescer = coalescer.clone();
            tokio::spawn(async move { coalescer.submit(vec![item]).await.expect("applied")[0] })
        };
        let first = submit(1);
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let others: Vec<_> = (2..=6).map(submit).collect();
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert_eq!(coalescer.waiting(), ("double", 5));
        gate.add_permits(10);
        assert_eq!(first.await.expect("joined"), 2);
        for (other, expected) in others.into_iter().zip([4, 6, 8, 10, 12]) {
            assert_eq!(other.await.expect("joined"), expected);
        }
        assert_eq!(*batches.lock().expect("not poisoned"), [1, 5]);
        assert_eq!(coalescer.waiting(), ("double", 0));
    }

    #[tokio::test]
    async fn what_waits_while_the_service_becomes_read_only_was_not_tried() {
        let (batches, gate) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Semaphore::new(0)));
        let mode = ModeSwitch::default();
        let coalescer = Coalescer::start(Double(Arc::clone(&batches), Arc::clone(&gate)), &mode, 1, 10);
        let first = tokio::spawn({
            let coalescer = coalescer.clone();
            async move { coalescer.submit(vec![1]).await }
        });
        // On the one thread of this test the batch is in the verb, waiting for a permit, after a few turns.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        mode.begin_by_hand(crate::mode::Maintenance::begin("a move".to_owned(), String::new()));
        let second = coalescer.submit(vec![2]);
        gate.add_permits(10);
        assert!(matches!(second.await, Err(EngineError::ReadOnly(_))));
        assert_eq!(first.await.expect("joined").expect("it was tried before"), [2]);
        assert_eq!(*batches.lock().expect("not poisoned"), [1]);
    }

    #[tokio::test]
    async fn a_poisoned_item_fails_alone() {
        let (coalescer, _, gate) = double(0);
        let results = futures_util::future::join_all([1, 13, 3].map(|item| coalescer.submit(vec![item])));
        gate.add_permits(100);
        let results = results.await;
        assert_eq!(results[0].as_ref().expect("applied"), &[2]);
        assert!(matches!(results[1], Err(EngineError::Store(_))));
        assert_eq!(results[2].as_ref().expect("applied"), &[6]);
    }

    #[tokio::test]
    async fn poisoned_items_of_a_submission_fail_alone() {
        let (coalescer, batches, _gate) = double(100);
        assert_eq!(coalescer.submit(vec![1, 13, 3, 13, 5]).await.expect("applied"), [2, 0, 6, 0, 10]);
        assert_eq!(*batches.lock().expect("not poisoned"), [5, 1, 1, 1, 1, 1]);
    }

    #[tokio::test]
    async fn large_submissions_are_split_and_stay_in_order() {
        let (coalescer, batches, _gate) = double(100);
        let doubled = coalescer.submit_chunked((100..125).collect()).await.expect("applied");
        assert_eq!(doubled, (100..125).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(*batches.lock().expect("not poisoned"), [10, 10, 5]);
    }
}
