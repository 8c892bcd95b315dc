//! `one_by_one`: claims one task, completes it, a request each, as a simple worker in any language does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use taskward_client::ClientError;

use super::BenchError;
use super::claims::Claims;
use super::connection::Connection;
use super::latencies::Latencies;
use super::load::{Load, in_slots};
use super::measured::Measured;

/// What one slot has seen.
struct Seen {
    claims: Latencies,
    completions: Latencies,
}

/// Works until the time is over, or the tasks are done.
pub(super) async fn run(load: &Arc<Load>) -> Result<Measured, BenchError> {
    let connections = Connection::open_all(&load.target, load.options.in_flight).await?;
    let before = load.ledger.completed();
    let begun = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let slots = in_slots(connections, |connection| {
        let (load, begun) = (Arc::clone(load), Arc::clone(&begun));
        async move { work(&load, connection, &begun, began).await }
    });
    let slots = slots.await?;
    let took = began.elapsed();
    let claims = Latencies::of_all(slots.iter().map(|seen| &seen.claims));
    let completions = Latencies::of_all(slots.iter().map(|seen| &seen.completions));
    let measured = Measured::completed(load.ledger.completed() - before, took);
    Ok(measured.with("claim", &claims).with("complete", &completions))
}

/// One slot. It ends with no task in its hands, or a lease would have to end first.
async fn work(
    load: &Load,
    connection: Connection,
    begun: &AtomicU64,
    began: Instant,
) -> Result<Seen, ClientError> {
    let mut claims = Claims::new(load, connection, Duration::ZERO)?;
    let mut seen = Seen { claims: Latencies::new(), completions: Latencies::new() };
    while load.goes_on(began) && begun.fetch_add(1, Ordering::Relaxed) < load.options.tasks {
        let asked = Instant::now();
        // Nothing left: other slots have taken the rest.
        let Some(task) = claims.next().await? else { break };
        seen.claims.record(asked.elapsed());
        let reported = Instant::now();
        if claims.complete(&task).await? {
            seen.completions.record(reported.elapsed());
            load.progress.add(1);
        }
    }
    Ok(seen)
}
