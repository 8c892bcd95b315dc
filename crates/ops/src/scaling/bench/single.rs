//! `single`: adds one task a request, as many requests in flight as there are connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::BenchError;
use super::connection::Connection;
use super::latencies::Latencies;
use super::load::{Load, in_slots};
use super::measured::Measured;

/// Adds until the time is over, or the tasks are added.
pub(super) async fn run(load: &Arc<Load>) -> Result<Measured, BenchError> {
    let connections = Connection::open_all(&load.target, load.options.in_flight).await?;
    let before = load.ledger.added();
    let begun = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let slots = in_slots(connections, |connection| {
        let (load, begun) = (Arc::clone(load), Arc::clone(&begun));
        async move { add(&load, connection, &begun, began).await }
    });
    let slots = slots.await?;
    let took = began.elapsed();
    let measured = Measured::added(load.ledger.added() - before, took);
    Ok(measured.with("request", &Latencies::of_all(&slots)))
}

/// One slot: the next request is sent when the last one is answered.
async fn add(
    load: &Load,
    mut connection: Connection,
    begun: &AtomicU64,
    began: Instant,
) -> Result<Latencies, taskward_client::ClientError> {
    let path = load.target.path("/api/v1/tasks")?;
    let body = load.task().into();
    let mut latencies = Latencies::new();
    while load.goes_on(began) && begun.fetch_add(1, Ordering::Relaxed) < load.options.tasks {
        let sent = Instant::now();
        if load.create(&mut connection, &path, &body, 1).await?.is_some() {
            latencies.record(sent.elapsed());
            load.ledger.add(1);
            load.progress.add(1);
        }
    }
    Ok(latencies)
}
