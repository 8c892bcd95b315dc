//! Leases after a restore.

use std::path::{Path, PathBuf};

use taskward_core::{TaskId, TaskState};
use taskward_store::{
    Epoch, Examined, Heartbeat, HeartbeatError, SettleError, Settlement, SettlementOutcome, postgres, sqlite,
};

use super::Fixture;
use super::build::{HOUR, claim_one, enqueue, get, report, task};

pub(crate) async fn leases_from_before_are_fenced(fixture: Fixture) {
    let store = fixture.store().await;
    for _ in 0..2 {
        enqueue(&*store, task()).await;
    }
    let held = claim_one(&*store).await;
    let lost = held.lease + 1;
    store.close().await;

    let epoch = begin_epoch(&fixture, "20261231-235900").await;
    let ids: Vec<_> = epoch.interrupted.iter().map(|task| task.id).collect();
    assert_eq!(ids, [held.id]);

    let store = fixture.store().await;
    let beat = Heartbeat { id: held.id, lease: held.lease, extend: HOUR, progress: None };
    let beaten = store.heartbeat(vec![beat]).await.expect("heartbeat").remove(0);
    assert!(matches!(beaten, Err(HeartbeatError::LeaseLost)), "{beaten:?}");
    let rescued = store.rescue_expired(10).await.expect("rescue");
    assert_eq!(rescued.tasks.len(), 1);
    let after = get(&*store, held.id).await;
    assert_eq!((after.state, after.crashes), (TaskState::Available, 1), "a lost worker, not a hung one");

    // A lease of the time that was lost could have any number that a lease would have had then.
    for _ in 0..2 {
        let again = claim_one(&*store).await;
        assert!(again.lease > epoch.number << 20 && again.lease > lost, "{again:?}");
        for old in [held.lease, lost] {
            let late = Settlement { lease: old, ..report(&again, SettlementOutcome::Completed(None)) };
            let refused = store.settle(vec![late]).await.expect("settle").remove(0);
            assert!(matches!(refused, Err(SettleError::LeaseLost)), "{refused:?}");
        }
        let reports = vec![report(&again, SettlementOutcome::Completed(None))];
        store.settle(reports).await.expect("settle").remove(0).expect("the new lease counts");
    }
}

pub(crate) async fn each_restore_begins_a_later_epoch(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    store.close().await;
    let first = begin_epoch(&fixture, "20261231-235900").await;
    let second = begin_epoch(&fixture, "20261231-235900").await;
    assert!(second.number > first.number && second.interrupted.is_empty());
    assert!(first.number > 1_700_000_000_000, "a millisecond since 1970");
}

pub(crate) async fn counting_agrees_with_the_counters(fixture: Fixture) {
    let store = fixture.store().await;
    for _ in 0..3 {
        enqueue(&*store, task()).await;
    }
    let held = claim_one(&*store).await;
    store.settle(vec![report(&held, SettlementOutcome::Completed(None))]).await.expect("settle");
    claim_one(&*store).await;
    store.close().await;
    let examined = examine(&fixture).await;
    let census = examined.census;
    assert_eq!(examined.problems, Vec::<String>::new());
    assert_eq!(census.contradictions(), Vec::<String>::new());
    assert_eq!((census.tables["tasks"], census.tables["history"]), (2, 1));
    let states: Vec<_> = census.states.iter().map(|(state, count)| (state.as_str(), *count)).collect();
    assert_eq!(states, [("available", 1), ("completed", 1), ("running", 1)]);
    assert_eq!(census.counters["created"], 3);
}

pub(crate) async fn forgotten_task_leaves_nothing(fixture: Fixture) {
    let store = fixture.store().await;
    let before = enqueue(&*store, task()).await.task.id;
    let held = claim_one(&*store).await;
    store.settle(vec![report(&held, SettlementOutcome::Completed(None))]).await.expect("settle");
    store.close().await;
    forget(&fixture, before, &held.queue).await;
    let store = fixture.store().await;
    assert!(store.get(vec![before]).await.expect("get").remove(0).is_none());
    assert!(store.queues().await.expect("queues").is_empty());
}

fn file(fixture: &Fixture) -> Option<PathBuf> {
    fixture.database.url().strip_prefix("sqlite:").map(|path| Path::new(path).to_owned())
}

async fn begin_epoch(fixture: &Fixture, backup: &str) -> Epoch {
    match file(fixture) {
        Some(path) => sqlite::begin_epoch(&path, backup),
        None => postgres::begin_epoch(&fixture.database.url(), backup).await,
    }
    .expect("an epoch begins")
}

async fn examine(fixture: &Fixture) -> Examined {
    match file(fixture) {
        Some(path) => sqlite::examine(&path),
        None => postgres::examine(&fixture.database.url()).await,
    }
    .expect("it can be read")
}

async fn forget(fixture: &Fixture, id: TaskId, queue: &str) {
    match file(fixture) {
        Some(path) => sqlite::forget(&path, id, queue),
        None => postgres::forget(&fixture.database.url(), id, queue).await,
    }
    .expect("it is forgotten");
}
