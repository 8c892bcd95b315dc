//! Extending leases.

use std::time::Duration;

use taskward_core::{NewTask, Task, TaskId};
use taskward_store::{Heartbeat, HeartbeatError, Held, SettlementOutcome, Store};

use super::Fixture;
use super::build::{HOUR, claim_expired, claim_one, enqueue, get, json, rescue, settle, task};

fn beat_of(task: &Task) -> Heartbeat {
    Heartbeat { id: task.id, lease: task.lease, extend: HOUR * 2, progress: None }
}

async fn beat(store: &dyn Store, beat: Heartbeat) -> Result<Held, HeartbeatError> {
    let mut results = store.heartbeat(vec![beat]).await.expect("heartbeat");
    assert_eq!(results.len(), 1);
    results.remove(0)
}

pub(crate) async fn lease_is_extended(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    let held = beat(&*store, beat_of(&claimed)).await.expect("held");
    assert!(!held.cancel_requested);
    assert!(Some(held.expires_at) > claimed.lease_expires_at);
    let read = get(&*store, claimed.id).await;
    assert_eq!(read.lease_expires_at, Some(held.expires_at));
    assert_eq!((read.lease, read.attempt), (claimed.lease, claimed.attempt));
    // A shorter lease than before is a wish like any other.
    let shorter = Heartbeat { extend: Duration::ZERO, ..beat_of(&claimed) };
    let held = beat(&*store, shorter).await.expect("held");
    assert!(Some(held.expires_at) < claimed.lease_expires_at);
    assert_eq!(store.rescue_expired(10).await.expect("rescue").tasks.len(), 1);
}

pub(crate) async fn attempt_ends_in_time_however_often_it_is_extended(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, NewTask { timeout: Duration::from_millis(1), ..task() }).await;
    let claimed = claim_one(&*store).await;
    beat(&*store, beat_of(&claimed)).await.expect("held");
    let ended = rescue(&*store, 1).await.remove(0);
    assert_eq!((ended.id, ended.error.kind.as_str()), (claimed.id, "timeout"));
}

pub(crate) async fn progress_is_kept_until_it_changes(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    for (said, kept) in [(Some("{\"done\": 1}"), "{\"done\": 1}"), (None, "{\"done\": 1}"), (Some("2"), "2")]
    {
        let progress = said.map(json);
        beat(&*store, Heartbeat { progress, ..beat_of(&claimed) }).await.expect("held");
        let read = get(&*store, claimed.id).await;
        assert_eq!(read.progress.expect("progress").get(), kept);
    }
    settle(&*store, &claimed, SettlementOutcome::Released).await;
    assert!(get(&*store, claimed.id).await.progress.is_some(), "the last word stays");
    assert!(claim_one(&*store).await.progress.is_none(), "a new attempt begins without");
}

pub(crate) async fn foreign_lease_is_refused(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    for lease in [0, 2, -1] {
        let wrong = Heartbeat { lease, progress: Some(json("1")), ..beat_of(&claimed) };
        assert_eq!(beat(&*store, wrong).await, Err(HeartbeatError::LeaseLost));
    }
    let read = get(&*store, claimed.id).await;
    assert_eq!(format!("{read:?}"), format!("{claimed:?}"), "nothing was changed");
}

pub(crate) async fn finished_and_unknown_tasks_are_told_apart(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    settle(&*store, &claimed, SettlementOutcome::Completed(None)).await;
    let unknown = Heartbeat { id: TaskId::generate(), ..beat_of(&claimed) };
    let results = store.heartbeat(vec![unknown, beat_of(&claimed)]).await.expect("heartbeat");
    assert_eq!(results, [Err(HeartbeatError::NotFound), Err(HeartbeatError::LeaseLost)]);
}

pub(crate) async fn cancellation_is_passed_on(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    store.cancel(vec![claimed.id]).await.expect("cancel").remove(0).expect("asked to stop");
    assert!(beat(&*store, beat_of(&claimed)).await.expect("held").cancel_requested);
}

pub(crate) async fn lease_that_is_over_can_be_extended_until_it_is_taken(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_expired(&*store).await;
    beat(&*store, beat_of(&claimed)).await.expect("nobody took it yet");
    assert!(store.rescue_expired(10).await.expect("rescue").tasks.is_empty());
}

/// Neither a lease nor an attempt ends before the grace, and none that has more time than that has less afterwards.
pub(crate) async fn after_an_outage_every_attempt_has_time(fixture: Fixture) {
    let store = fixture.store().await;
    for timeout in [Duration::ZERO, HOUR] {
        enqueue(&*store, NewTask { timeout, ..task() }).await;
    }
    let (over, expired) = (claim_one(&*store).await, claim_expired(&*store).await);
    enqueue(&*store, NewTask { timeout: HOUR * 3, ..task() }).await;
    let long = claim_one(&*store).await;
    beat(&*store, beat_of(&long)).await.expect("held");
    let long = get(&*store, long.id).await;

    assert_eq!(store.grant_grace(HOUR).await.expect("grace"), 2);
    assert!(store.rescue_expired(10).await.expect("rescue").tasks.is_empty());
    assert_eq!(get(&*store, long.id).await.lease_expires_at, long.lease_expires_at);
    for task in [&over, &expired] {
        assert!(get(&*store, task.id).await.lease_expires_at > task.lease_expires_at);
        settle(&*store, task, SettlementOutcome::Completed(None)).await;
    }
    assert_eq!(store.grant_grace(Duration::ZERO).await.expect("grace"), 0);
}
