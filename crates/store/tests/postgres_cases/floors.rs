//! Claims that begin where the last one ended.

use std::sync::Arc;
use std::time::Duration;

use taskward_core::{NewTask, Schedule, TaskId};
use taskward_store::postgres::PostgresStore;
use taskward_store::{EnqueueMode, SettlementOutcome, StoreAdmin, TaskStore};

use super::plans::fetched;
use crate::PostgresDatabase;
use crate::conformance::build::{claim, claim_one, enqueue, settle, task};

/// Claims one task, slowly: the counters are locked for a while. The claims of the next seconds begin where
/// it ended.
async fn claim_slowly(database: &PostgresDatabase, store: &Arc<PostgresStore>) {
    let lock = "BEGIN; LOCK TABLE queue_counts IN EXCLUSIVE MODE; SELECT pg_sleep(0.7); COMMIT";
    let locks =
        "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'queue_counts'::regclass";
    std::thread::scope(|scope| {
        scope.spawn(|| database.sql(lock));
        while database.sql(locks) == "0" {}
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(claim_one(&**store)));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_available_still_comes_in_its_order() {
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    let with = |priority| NewTask { priority, ..task() };
    store.enqueue((0..20).map(|_| task()).collect(), EnqueueMode::Each).await.expect("enqueue");
    let given_back = claim_one(&*store).await;
    let retried = claim_one(&*store).await;
    let due = NewTask { schedule: Schedule::In(Duration::from_millis(100)), priority: 4, ..task() };
    let due = enqueue(&*store, due).await.task.id;
    claim_slowly(&database, &store).await;

    let late = enqueue(&*store, with(9)).await.task.id;
    let urgent = [enqueue(&*store, with(1)).await.task.id, enqueue(&*store, with(1)).await.task.id];
    store.promote_due(10).await.expect("promote");
    settle(&*store, &given_back, SettlementOutcome::Released).await;
    settle(&*store, &retried, SettlementOutcome::Snoozed(Duration::ZERO)).await;
    store.promote_due(10).await.expect("promote");

    let ids: Vec<TaskId> = claim(&*store, 100).await.into_iter().map(|task| task.id).collect();
    assert_eq!(ids.len(), 17 + 2 + 1 + 2 + 1);
    assert_eq!(ids[..3], [urgent[0], urgent[1], due], "more urgent ones first");
    assert_eq!(ids[20..22], [given_back.id, retried.id], "what came back, by the time it did");
    assert_eq!(ids[22], late);
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
