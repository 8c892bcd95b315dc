//! Claims that begin where the last one ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use taskward_core::{NewTask, Schedule, Task, TaskId};
use taskward_store::postgres::PostgresStore;
use taskward_store::{EnqueueMode, SettlementOutcome, StoreAdmin, TaskStore};

use super::plans::fetched;
use crate::PostgresDatabase;
use crate::conformance::build::{claim, claim_one, enqueue, failure, make_dead, settle, task};

/// Claims one task, slowly: the counters are locked for a while. The claims of the next seconds begin where
/// it ended.
async fn claim_slowly(database: &PostgresDatabase, store: &Arc<PostgresStore>) -> Task {
    let lock = "BEGIN; LOCK TABLE queue_counts IN EXCLUSIVE MODE; SELECT pg_sleep(0.7); COMMIT";
    let locks =
        "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'queue_counts'::regclass";
    std::thread::scope(|scope| {
        scope.spawn(|| database.sql(lock));
        while database.sql(locks) == "0" {}
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(claim_one(&**store)))
    })
}

/// Waits until the tasks are older than the margin, and any floors are out of use that claims since
/// `begun` may have brought into use by being slow.
async fn grow_old(begun: Instant) {
    let in_use = begun.elapsed() * 20;
    tokio::time::sleep(in_use.clamp(Duration::from_millis(1_200), Duration::from_secs(5))).await;
}

/// A task that is available far below the floor of its priority, where none comes to be by itself. While floors
/// are in use, no claim finds it.
async fn put_below_floor(database: &PostgresDatabase, store: &Arc<PostgresStore>) -> TaskId {
    let id = enqueue(&**store, task()).await.task.id;
    database.sql(&format!("UPDATE tasks SET run_at = run_at - interval '1 hour' WHERE id = '{}'", id.0));
    id
}

async fn claim_all(store: &Arc<PostgresStore>) -> Vec<TaskId> {
    claim(&**store, 100).await.into_iter().map(|task| task.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_available_still_comes_in_its_order() {
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    let begun = Instant::now();
    let dead = make_dead(&*store, task()).await;
    store.enqueue((0..20).map(|_| task()).collect(), EnqueueMode::Each).await.expect("enqueue");
    let (released, snoozed) = (claim_one(&*store).await, claim_one(&*store).await);
    let failed = claim_one(&*store).await;
    let due = NewTask { schedule: Schedule::In(Duration::from_millis(1_500)), ..task() };
    let due = enqueue(&*store, due).await.task.id;
    grow_old(begun).await;
    claim_slowly(&database, &store).await;

    let below = put_below_floor(&database, &store).await;
    let with = |priority| NewTask { priority, ..task() };
    let late = enqueue(&*store, with(9)).await.task.id;
    let urgent = [enqueue(&*store, with(1)).await.task.id, enqueue(&*store, with(1)).await.task.id];
    settle(&*store, &released, SettlementOutcome::Released).await;
    settle(&*store, &snoozed, SettlementOutcome::Snoozed(Duration::ZERO)).await;
    settle(&*store, &failed, SettlementOutcome::Failed(failure("once"))).await;
    store.retry(vec![dead]).await.expect("retry").remove(0).expect("brought back");
    store.promote_due(10).await.expect("promote");

    let ids = claim_all(&store).await;
    assert!(!ids.contains(&below), "claims begin at the floors");
    assert_eq!(ids.len(), 2 + 16 + 1 + 4 + 1);
    assert_eq!(ids[..2], urgent, "more urgent ones first");
    assert_eq!(ids[18], due, "after what was there before it was due");
    assert_eq!(ids[19..23], [released.id, snoozed.id, failed.id, dead], "what came back, by the time it did");
    assert_eq!(ids[23], late);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_promoted_late_is_not_passed_over() {
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    let begun = Instant::now();
    let soon = NewTask { schedule: Schedule::In(Duration::from_millis(1)), ..task() };
    let due = enqueue(&*store, soon).await.task;
    // What is claimed slowly, and makes the floor, is younger.
    while enqueue(&*store, task()).await.task.run_at <= due.run_at {}
    enqueue(&*store, task()).await;
    grow_old(begun).await;
    let claimed = claim_slowly(&database, &store).await;

    assert!(claimed.run_at > due.run_at);
    let below = put_below_floor(&database, &store).await;
    store.promote_due(10).await.expect("promote");
    let ids = claim_all(&store).await;
    assert_eq!(ids[0], due.id, "the first in its order, although the floor was above it");
    assert!(!ids.contains(&below), "claims begin at the floors");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_entries_are_stepped_over_once() {
    const TASKS: usize = 2_000;
    const CLAIMS: usize = 40;
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    store
        .enqueue((0..TASKS + CLAIMS + 1).map(|_| task()).collect(), EnqueueMode::Each)
        .await
        .expect("enqueue");
    // Nothing may be removed while this is open.
    let held = database.hold().await;
    for _ in 0..TASKS / 500 {
        for task in claim(&*store, 500).await {
            settle(&*store, &task, SettlementOutcome::Completed(None)).await;
        }
    }
    // The tasks are older than the margin now, and the floors are where they were.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    claim_slowly(&database, &store).await;
    database.sql("SELECT pg_stat_reset()");
    for _ in 0..CLAIMS {
        claim_one(&*store).await;
    }
    store.close().await;
    while database.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'taskward'") != "0" {}
    let read = fetched(&database, "tasks_ready");
    // Every claim would step over all of them. A machine so busy that the floors expire meanwhile has a few do so.
    assert!(read < (CLAIMS * TASKS / 4) as u64, "{read} entries read by {CLAIMS} claims of one task");
    held.abort();
}
