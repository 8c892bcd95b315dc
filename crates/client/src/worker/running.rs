//! The tasks a worker holds, from the claim until their result is delivered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taskward_api::Json;
use tokio::sync::watch;
use uuid::Uuid;

use super::leased::Leased;
use super::{Stop, StopReason};

/// The share of a lease that is kept as a margin: clocks and networks are not exact.
const MARGIN: u32 = 10;

/// All tasks that are held, under a name of this worker's own: the same task can be held a second time
/// while the first attempt, whose lease was lost, is still being stopped.
#[derive(Debug)]
pub(crate) struct Running {
    lease: Duration,
    held: Mutex<HashMap<Uuid, Held>>,
    heartbeats_ok: watch::Sender<bool>,
}

#[derive(Debug)]
struct Held {
    leased: Arc<Leased>,
    stop: Stop,
    progress: Option<Json>,
    lease_ends: Instant,
    /// `None` once there is nothing left to keep.
    heartbeat_due: Option<Instant>,
}

/// A heartbeat that is due.
#[derive(Debug)]
pub(crate) struct Beat {
    pub(crate) entry: Uuid,
    pub(crate) leased: Arc<Leased>,
    pub(crate) progress: Option<Json>,
}

impl Running {
    pub(crate) fn new(lease: Duration) -> Self {
        let heartbeats_ok = watch::Sender::new(true);
        Self { lease, held: Mutex::default(), heartbeats_ok }
    }

    /// Begins to keep the lease of a task that was claimed just now.
    pub(crate) fn add(&self, entry: Uuid, leased: Arc<Leased>, stop: Stop, now: Instant) {
        let held = Held {
            leased,
            stop,
            progress: None,
            lease_ends: now + self.lease,
            heartbeat_due: Some(now + self.lease / 3),
        };
        self.held().insert(entry, held);
    }

    /// Stops keeping a lease. With nothing held no heartbeat can fail; claims find out by themselves.
    pub(crate) fn remove(&self, entry: Uuid) {
        let mut held = self.held();
        held.remove(&entry);
        if held.is_empty() {
            self.set_heartbeats_ok(true);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held().is_empty()
    }

    pub(crate) fn set_progress(&self, entry: Uuid, progress: Json) {
        if let Some(held) = self.held().get_mut(&entry) {
            held.progress = Some(progress);
        }
    }

    /// Tells every task to stop.
    pub(crate) fn stop_all(&self, reason: StopReason) {
        self.held().values().for_each(|held| held.stop.request(reason));
    }

    /// The heartbeats that are due. Tasks whose lease is over are told to stop instead.
    pub(crate) fn due(&self, now: Instant) -> Vec<Beat> {
        let mut beats = Vec::new();
        for (entry, held) in self.held().iter_mut() {
            if held.heartbeat_due.is_none_or(|due| due > now) {
                continue;
            }
            if now + self.lease / MARGIN >= held.lease_ends {
                held.stop.request(StopReason::LeaseExpired);
                held.heartbeat_due = None;
                continue;
            }
            beats.push(Beat {
                entry: *entry,
                leased: Arc::clone(&held.leased),
                progress: held.progress.clone(),
            });
        }
        beats
    }

    /// How long until something is due. A task that is added later is not due earlier than that.
    pub(crate) fn idle(&self, now: Instant) -> Duration {
        let next = self.held().values().filter_map(|held| held.heartbeat_due).min();
        next.map_or(self.lease / 3, |due| due.saturating_duration_since(now).min(self.lease / 3))
    }

    /// A heartbeat that was sent at `sent` extended the lease.
    pub(crate) fn extended(&self, beat: &Beat, sent: Instant, cancel_requested: bool) {
        if let Some(held) = self.held().get_mut(&beat.entry) {
            held.lease_ends = sent + self.lease;
            held.heartbeat_due = Some(sent + self.lease / 3);
            if cancel_requested {
                held.stop.request(StopReason::CancelRequested);
            }
        }
    }

    /// The service says that the lease is not held.
    pub(crate) fn lost(&self, beat: &Beat) {
        if let Some(held) = self.held().get_mut(&beat.entry) {
            held.heartbeat_due = None;
            held.stop.request(StopReason::LeaseLost);
        }
    }

    /// A heartbeat did not arrive: it is tried again soon, and at the latest when the lease is over.
    pub(crate) fn missed(&self, beat: &Beat, now: Instant) {
        let soon = now + (self.lease / MARGIN).clamp(Duration::from_millis(20), Duration::from_secs(5));
        if let Some(held) = self.held().get_mut(&beat.entry) {
            let over = held.lease_ends.checked_sub(self.lease / MARGIN).unwrap_or(now);
            held.heartbeat_due = Some(soon.min(over.max(now)));
        }
    }

    /// The service takes no heartbeats for now, and keeps the lease meanwhile.
    pub(crate) fn kept(&self, beat: &Beat, sent: Instant) {
        if let Some(held) = self.held().get_mut(&beat.entry) {
            held.lease_ends = sent + self.lease;
        }
    }

    /// Says whether heartbeats arrive.
    pub(crate) fn set_heartbeats_ok(&self, ok: bool) {
        self.heartbeats_ok.send_if_modified(|current| std::mem::replace(current, ok) != ok);
    }

    /// Waits until heartbeats arrive.
    pub(crate) async fn heartbeats_ok(&self) {
        // The sender is in `self`, so the wait ends only with what it waits for.
        let _ = self.heartbeats_ok.subscribe().wait_for(|ok| *ok).await;
    }

    /// No caller panics while it holds the lock, so what is behind a poisoned one is whole.
    fn held(&self) -> MutexGuard<'_, HashMap<Uuid, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use taskward_api::Task;

    use super::*;

    /// A running task with a timeout of a second.
    pub(crate) fn task() -> Task {
        serde_json::from_value(serde_json::json!({
            "id": "0199c3d2-0000-7000-8000-000000000001", "kind": "k", "queue": "q", "payload": null,
            "state": "running", "priority": 5, "run_at": "2026-01-01T00:00:00Z", "timeout": "1s",
            "max_attempts": 3, "retry": {}, "unique": null, "tags": [], "metadata": null, "attempt": 1,
            "crashes": 0, "worker_id": "w", "progress": null, "cancel_requested": false, "result": null,
            "errors": [], "dead_reason": null, "created_at": "2026-01-01T00:00:00Z", "started_at": null,
            "finished_at": null, "lease_token": "t",
        }))
        .expect("a task")
    }

    #[test]
    fn heartbeats_are_due_at_a_third_and_the_lease_ends_before_its_end() {
        let lease = Duration::from_secs(30);
        let running = Running::new(lease);
        let (entry, stop, start) = (Uuid::now_v7(), Stop::default(), Instant::now());
        running.add(entry, Arc::new(Leased::of(&task())), stop.clone(), start);
        assert!(running.due(start + lease / 4).is_empty());
        assert_eq!(running.idle(start), lease / 3);
        let beats = running.due(start + lease / 3);
        assert_eq!(beats.len(), 1);

        running.extended(&beats[0], start + lease / 3, false);
        assert!(running.due(start + lease / 2).is_empty(), "the next one is due a third later");
        running.missed(&beats[0], start + lease);
        assert!(stop.reason().is_none());
        assert!(running.due(start + lease / 3 + lease).is_empty());
        assert_eq!(stop.reason(), Some(StopReason::LeaseExpired));
    }

    #[test]
    fn a_service_that_is_read_only_keeps_the_lease() {
        let lease = Duration::from_secs(30);
        let running = Running::new(lease);
        let (entry, stop, start) = (Uuid::now_v7(), Stop::default(), Instant::now());
        running.add(entry, Arc::new(Leased::of(&task())), stop.clone(), start);
        for thirds in 1..10 {
            let now = start + lease / 3 * thirds;
            let beat = running.due(now).pop().expect("a beat");
            running.kept(&beat, now);
            running.missed(&beat, now);
        }
        assert!(stop.reason().is_none(), "three leases later it is still kept");
        assert!(running.due(start + lease * 5).is_empty(), "the service was not heard of again");
        assert_eq!(stop.reason(), Some(StopReason::LeaseExpired));
    }

    #[test]
    fn a_lost_lease_and_a_cancellation_stop_the_task() {
        let running = Running::new(Duration::from_secs(3));
        let now = Instant::now();
        for (lost, reason) in [(true, StopReason::LeaseLost), (false, StopReason::CancelRequested)] {
            let (entry, stop) = (Uuid::now_v7(), Stop::default());
            running.add(entry, Arc::new(Leased::of(&task())), stop.clone(), now);
            let beat = running.due(now + Duration::from_secs(1)).pop().expect("a beat");
            if lost {
                running.lost(&beat);
            } else {
                running.extended(&beat, now, true);
            }
            assert_eq!(stop.reason(), Some(reason));
            running.remove(entry);
        }
        assert!(running.is_empty());
    }
}
