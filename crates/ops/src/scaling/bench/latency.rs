//! `latency`: from the moment a task was due to be added until a waiting worker has it, at a low rate.
//!
//! Tasks are added when they are due, whatever became of those before: a service that stands still for a moment
//! makes all tasks of that moment late, and they count as late as they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use taskward_client::ClientError;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::BenchError;
use super::claims::{Claimed, Claims};
use super::connection::Connection;
use super::latencies::Latencies;
use super::load::{Load, in_slots, number_of};
use super::measured::Measured;
use super::pace::Pace;

/// Claims that wait at once, each for one task.
const WAITING: usize = 16;
/// Completions in flight at most. They have slots of their own, so that a claim waits again at once.
const COMPLETING: usize = 16;
/// Additions in flight at most. With all of them busy further tasks are late, and measured so.
const ADDING: usize = 64;
/// How long one claim waits, and how long the last task may take to arrive.
const WAIT: Duration = Duration::from_secs(2);
/// Between the first claim and the first task, so that all claims wait by then.
const HEAD_START: Duration = Duration::from_millis(200);

/// Tasks on their way.
struct Way {
    pace: Pace,
    /// A permit for each addition that is due and not begun.
    due: Semaphore,
    /// The number of the next one.
    next: AtomicU64,
    /// How many become due in all.
    count: u64,
    /// How many were added, once no more are; until then more than can be.
    added: AtomicU64,
    /// How many were handed over.
    arrived: AtomicU64,
    /// Cancelled when all have arrived.
    done: CancellationToken,
    /// Cancelled when no more are to be added.
    stop: CancellationToken,
}

/// Adds at the rate, and waits for all of it.
pub(super) async fn run(load: &Arc<Load>) -> Result<Measured, BenchError> {
    let adding = Connection::open_all(&load.target, ADDING).await?;
    let waiting = Connection::open_all(&load.target, WAITING).await?;
    let completing = Connection::open_all(&load.target, COMPLETING).await?;
    let (before, completed) = (load.ledger.added(), load.ledger.completed());
    let began = Instant::now() + HEAD_START;
    let way = Arc::new(Way::new(load, began));
    // Ends with the load, or with the first error.
    let _end = way.stop.clone().drop_guard();
    let pacing = Arc::clone(&way);
    tokio::task::spawn_blocking(move || pacing.keep_pace());

    // The claims' slots have the only senders: completing ends when they have ended, and all is completed.
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let waits = (Arc::clone(load), Arc::clone(&way), arrived);
    let claims = in_slots(waiting, move |connection| {
        let (load, way, arrived) = waits.clone();
        async move { wait_for_tasks(&load, connection, &way, &arrived).await }
    });
    let arrivals = Arc::new(Mutex::new(arrivals));
    let completions = in_slots(completing, |connection| {
        let (load, arrivals) = (Arc::clone(load), Arc::clone(&arrivals));
        async move { complete(&load, connection, &arrivals).await }
    });
    let additions = async {
        let added = in_slots(adding, |connection| {
            let (load, way) = (Arc::clone(load), Arc::clone(&way));
            async move { add(&load, connection, &way).await }
        });
        let added = added.await;
        way.all_added(load.ledger.added() - before);
        added
    };
    let (added, claimed, completions) = tokio::join!(additions, claims, completions);
    completions?;
    let measured = Measured {
        added: load.ledger.added() - before,
        completed: load.ledger.completed() - completed,
        counted: way.arrived.load(Ordering::Relaxed),
        took: began.elapsed(),
        ..Measured::default()
    };
    let (added, claimed) = (Latencies::of_all(&added?), Latencies::of_all(&claimed?));
    Ok(measured.with("due to handed over", &claimed).with("due to acknowledged", &added))
}

impl Way {
    fn new(load: &Load, began: Instant) -> Self {
        let pace = Pace::new(began, load.options.rate);
        Self {
            pace,
            due: Semaphore::new(0),
            next: AtomicU64::new(0),
            count: pace.within(load.options.duration).max(1),
            added: AtomicU64::new(u64::MAX),
            arrived: AtomicU64::new(0),
            done: CancellationToken::new(),
            stop: load.stop.child_token(),
        }
    }

    /// Says when an addition is due, and to each slot that no more are.
    fn keep_pace(&self) {
        self.pace.keep(self.count, &self.due, &self.stop);
        self.due.add_permits(ADDING);
    }

    /// The number of the next task, when it is due; `None` when no more are.
    async fn next(&self) -> Option<u64> {
        // It is never closed.
        self.due.acquire().await.ok()?.forget();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.count && !self.stop.is_cancelled()).then_some(number)
    }

    fn all_added(&self, added: u64) {
        self.added.store(added, Ordering::SeqCst);
        self.check_done();
    }

    fn one_arrived(&self) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        self.check_done();
    }

    fn check_done(&self) {
        if self.arrived.load(Ordering::SeqCst) >= self.added.load(Ordering::SeqCst) {
            self.done.cancel();
        }
    }
}

/// One slot that adds.
async fn add(load: &Load, mut connection: Connection, way: &Way) -> Result<Latencies, ClientError> {
    let path = load.target.path("/api/v1/tasks")?;
    let mut latencies = Latencies::new();
    while let Some(number) = way.next().await {
        let body = load.numbered_task(number);
        if load.create(&mut connection, &path, &body, 1).await?.is_some() {
            latencies.record(way.pace.due(number).elapsed());
            load.ledger.add(1);
        }
    }
    Ok(latencies)
}

/// One slot of the worker: waits for a task, and waits again.
async fn wait_for_tasks(
    load: &Load,
    connection: Connection,
    way: &Way,
    arrived: &mpsc::UnboundedSender<Claimed>,
) -> Result<Latencies, ClientError> {
    let mut claims = Claims::new(load, connection, WAIT)?;
    let mut latencies = Latencies::new();
    loop {
        let next = tokio::select! {
            biased;
            // Every task has arrived: there is none that an answer on its way could hold.
            () = way.done.cancelled() => return Ok(latencies),
            next = claims.next() => next?,
        };
        match next {
            Some(task) => {
                let now = Instant::now();
                if let Some(number) = number_of(&task.payload) {
                    latencies.record(now.saturating_duration_since(way.pace.due(number)));
                }
                way.one_arrived();
                load.progress.add(1);
                // Nobody receives any more when completing has failed, and says so.
                let _ = arrived.send(task);
            }
            // Nothing came although all was added long ago: what is missing, the books will say.
            None if way.added.load(Ordering::SeqCst) != u64::MAX => return Ok(latencies),
            None => {}
        }
    }
}

/// One slot of the worker: completes what arrived.
async fn complete(
    load: &Load,
    connection: Connection,
    arrivals: &Mutex<mpsc::UnboundedReceiver<Claimed>>,
) -> Result<(), ClientError> {
    let mut slot = Claims::new(load, connection, Duration::ZERO)?;
    loop {
        let arrived = arrivals.lock().await.recv().await;
        let Some(task) = arrived else { return Ok(()) };
        slot.complete(&task).await?;
    }
}
