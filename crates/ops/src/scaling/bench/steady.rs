//! `steady`: adds, claims and completes at once. Additions are paced by what the workers complete, so that the
//! backlog neither empties nor grows, and the rate is one that the service could keep up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use taskward_client::ClientError;
use tokio_util::sync::CancellationToken;

use super::BenchError;
use super::connection::Connection;
use super::load::{Load, in_slots};
use super::measured::{Backlog, Measured};
use super::pace::may_add;
use super::workers::Workers;

/// How often the counts are looked at.
const LOOK: Duration = Duration::from_millis(2);
/// How long an addition waits for room in the backlog.
const NO_ROOM: Duration = Duration::from_millis(1);
/// The share of the duration that runs before it is measured.
const WARM_UP: u32 = 10;
/// How long the first completion is waited for before the measurement begins without.
const WARM_UP_MAX: Duration = Duration::from_secs(10);

/// What flows through the service.
struct Flow {
    /// Tasks in requests that are not answered yet.
    adding: AtomicU64,
    added: AtomicU64,
    completed: AtomicU64,
    /// How large the backlog should be.
    aim: u64,
    /// Cancelled when no more is to be added.
    end: CancellationToken,
}

/// Lets tasks flow for the duration, then works off the rest.
pub(super) async fn run(load: &Arc<Load>) -> Result<Measured, BenchError> {
    let connections = Connection::open_all(&load.target, load.options.batches_in_flight).await?;
    let flow = Arc::new(Flow::new(load));
    let additions = async {
        let added = in_slots(connections, |connection| {
            let (load, flow) = (Arc::clone(load), Arc::clone(&flow));
            async move { add(&load, connection, &flow).await }
        });
        let added = added.await;
        // When adding fails, there is nothing to watch any more.
        flow.end.cancel();
        added
    };
    let mut workers = Workers::start(load);
    let (added, measured) = tokio::join!(additions, watch(load, &mut workers, &flow));
    let rest = workers.reach(load, flow.added.load(Ordering::Relaxed), &load.stop).await;
    let completed = workers.end(load).await?;
    added?;
    rest?;
    let added = flow.added.load(Ordering::Relaxed);
    Ok(Measured { added, completed, ..measured? })
}

impl Flow {
    /// The backlog has room for what is being added, and for what the workers hold.
    fn new(load: &Load) -> Self {
        let options = &load.options;
        let held = options.workers * options.concurrency + options.batch * options.batches_in_flight;
        Self {
            adding: AtomicU64::new(0),
            added: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            aim: u64::try_from(2 * held).unwrap_or(u64::MAX),
            end: load.stop.child_token(),
        }
    }

    fn has_room(&self) -> bool {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        may_add(read(&self.adding), read(&self.added), read(&self.completed), self.aim)
    }

    fn backlog(&self) -> u64 {
        self.added.load(Ordering::Relaxed).saturating_sub(self.completed.load(Ordering::Relaxed))
    }
}

/// One slot that adds, whenever there is room.
async fn add(load: &Load, mut connection: Connection, flow: &Flow) -> Result<(), ClientError> {
    let path = load.target.path("/api/v1/tasks/batch")?;
    let body = load.batch(load.options.batch);
    let count = u64::try_from(load.options.batch).unwrap_or(u64::MAX);
    while !flow.end.is_cancelled() {
        if !flow.has_room() {
            tokio::time::sleep(NO_ROOM).await;
            continue;
        }
        flow.adding.fetch_add(count, Ordering::Relaxed);
        let answer = load.create(&mut connection, &path, &body, count).await;
        flow.adding.fetch_sub(count, Ordering::Relaxed);
        if let Some(answer) = answer? {
            flow.added.fetch_add(load.created(&answer, count)?, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// Counts what is completed within the duration, after a while in which connections and caches get warm.
async fn watch(load: &Load, workers: &mut Workers, flow: &Flow) -> Result<Measured, ClientError> {
    // Whatever happens, nothing is added without somebody who looks.
    let _end = flow.end.clone().drop_guard();
    let (began, warm) = (Instant::now(), load.options.duration / WARM_UP);
    let is_cold = |completed| began.elapsed() < warm || (completed == 0 && began.elapsed() < WARM_UP_MAX);
    look_while(load, workers, flow, is_cold).await?;
    let (began, before) = (Instant::now(), workers.completed());
    let backlog = look_while(load, workers, flow, |_| began.elapsed() < load.options.duration).await?;
    let measured = Measured::completed(workers.completed() - before, began.elapsed());
    Ok(Measured { backlog, ..measured })
}

/// Keeps the flow's count of completions, and says how large the backlog was meanwhile.
async fn look_while(
    load: &Load,
    workers: &mut Workers,
    flow: &Flow,
    goes_on: impl Fn(u64) -> bool,
) -> Result<Option<Backlog>, ClientError> {
    let mut backlog: Option<Backlog> = None;
    loop {
        workers.check()?;
        let completed = workers.completed();
        flow.completed.store(completed, Ordering::Relaxed);
        load.progress.set(completed);
        if flow.end.is_cancelled() || !goes_on(completed) {
            return Ok(backlog);
        }
        backlog = Some(Backlog::seen(backlog, flow.backlog()));
        tokio::time::sleep(LOOK).await;
    }
}
