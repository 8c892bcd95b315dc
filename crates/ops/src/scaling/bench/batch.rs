//! `batch`: adds many tasks a request, with a few requests in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use taskward_client::ClientError;

use super::BenchError;
use super::connection::Connection;
use super::latencies::Latencies;
use super::load::{Load, in_slots};
use super::measured::Measured;

/// Adds all tasks.
pub(super) async fn run(load: &Arc<Load>) -> Result<Measured, BenchError> {
    add(load, load.options.tasks).await
}

/// Makes sure that there are at least that many tasks to work off.
pub(super) async fn fill(load: &Arc<Load>, tasks: u64) -> Result<(), BenchError> {
    let missing = tasks.saturating_sub(load.ledger.backlog());
    if missing > 0 {
        add(load, missing).await?;
    }
    Ok(())
}

async fn add(load: &Arc<Load>, tasks: u64) -> Result<Measured, BenchError> {
    let connections = Connection::open_all(&load.target, load.options.batches_in_flight).await?;
    let before = load.ledger.added();
    let left = Arc::new(AtomicU64::new(tasks));
    let began = Instant::now();
    let slots = in_slots(connections, |connection| {
        let (load, left) = (Arc::clone(load), Arc::clone(&left));
        async move { add_batches(&load, connection, &left).await }
    });
    let slots = slots.await?;
    let took = began.elapsed();
    let measured = Measured::added(load.ledger.added() - before, took);
    Ok(measured.with("request", &Latencies::of_all(&slots)))
}

/// One slot: the next batch is sent when the last one is answered.
async fn add_batches(
    load: &Load,
    mut connection: Connection,
    left: &AtomicU64,
) -> Result<Latencies, ClientError> {
    let path = load.target.path("/api/v1/tasks/batch")?;
    let full = load.batch(load.options.batch);
    let mut latencies = Latencies::new();
    while let Some(tasks) = take(left, load.options.batch) {
        if load.stop.is_cancelled() {
            break;
        }
        let body = if tasks == load.options.batch { full.clone() } else { load.batch(tasks) };
        let count = u64::try_from(tasks).unwrap_or(u64::MAX);
        let sent = Instant::now();
        if let Some(answer) = load.create(&mut connection, &path, &body, count).await? {
            latencies.record(sent.elapsed());
            load.created(&answer, count)?;
        }
    }
    Ok(latencies)
}

/// The size of the next batch; `None` when nothing is left.
fn take(left: &AtomicU64, batch: usize) -> Option<usize> {
    let batch = u64::try_from(batch).unwrap_or(u64::MAX);
    let had =
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(batch)));
    let taken = had.unwrap_or_else(|had| had).min(batch);
    usize::try_from(taken).ok().filter(|taken| *taken > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_add_up() {
        let left = AtomicU64::new(25);
        assert_eq!([(); 4].map(|()| take(&left, 10)), [Some(10), Some(10), Some(5), None]);
    }
}
