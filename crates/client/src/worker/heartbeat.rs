//! One loop that keeps all leases.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use taskward_api::{HeartbeatRequest, ProblemCode};
use tokio_util::sync::CancellationToken;

use super::leased::Leased;
use super::running::{Beat, Running};
use crate::Client;

/// Heartbeats in flight at once.
const CONCURRENCY: usize = 16;

/// Keeps leases until `end`.
pub(crate) async fn run(client: Client, running: &Running, lease: Duration, end: CancellationToken) {
    loop {
        run_once(&client, running, lease).await;
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(running.idle(Instant::now())) => {}
        }
    }
}

/// Sends the heartbeats that are due, and says whether they arrive.
async fn run_once(client: &Client, running: &Running, lease: Duration) {
    let beats = running.due(Instant::now());
    if beats.is_empty() {
        return;
    }
    let all_arrived = AtomicBool::new(true);
    stream::iter(beats)
        .for_each_concurrent(CONCURRENCY, async |beat| {
            if !send(client, running, lease, &beat).await {
                all_arrived.store(false, Ordering::Relaxed);
                running.set_heartbeats_ok(false);
            }
        })
        .await;
    if all_arrived.load(Ordering::Relaxed) {
        running.set_heartbeats_ok(true);
    }
}

/// One heartbeat. False when it did not get an answer that says anything about the lease.
async fn send(client: &Client, running: &Running, lease: Duration, beat: &Beat) -> bool {
    let request = HeartbeatRequest {
        lease_token: beat.leased.lease_token.clone(),
        lease: Some(lease.into()),
        progress: beat.progress.clone(),
    };
    let sent = Instant::now();
    match client.heartbeat(beat.leased.task, &request, lease / 4).await {
        Ok(answer) => running.extended(beat, sent, answer.cancel_requested),
        Err(error) if matches!(error.code(), Some(ProblemCode::LeaseLost | ProblemCode::NotFound)) => {
            running.lost(beat);
        }
        Err(error) => {
            // Whoever says so keeps leases until workers can be heard again, and for one lease after.
            if error.code() == Some(ProblemCode::ReadOnly) {
                running.kept(beat, sent);
            }
            let Leased { task, queue, kind, attempt, trace_id, .. } = &*beat.leased;
            tracing::warn!(
                task.id = %task, queue, kind, attempt, trace.id = trace_id, %error, "a heartbeat failed"
            );
            running.missed(beat, Instant::now());
            return false;
        }
    }
    true
}
