//! Every verb finds its rows by an index.

use std::time::Duration;

use taskward_core::{NewTask, OnConflict, Schedule};
use taskward_store::postgres::PostgresStore;
use taskward_store::{
    ClaimDemand, EnqueueMode, Heartbeat, PageRequest, SettlementOutcome, StoreAdmin, TaskFilter, TaskStore,
};

use crate::PostgresDatabase;
use crate::conformance::build::{
    HOUR, claim, claim_for, demand, enqueue, failure, report, task, unique_task,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_verb_scans_a_table_of_tasks() {
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    // Making an index scans the table, and the session that did so reports it when it ends.
    while database.sql("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'tasks'") == "0" {}
    database.sql("SELECT pg_stat_reset()");
    let batch = (0..200).map(|_| task()).collect();
    store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    enqueue(&*store, unique_task("k", OnConflict::ReturnExisting)).await;
    enqueue(&*store, unique_task("k", OnConflict::ReturnExisting)).await;
    enqueue(&*store, NewTask { schedule: Schedule::In(HOUR), ..task() }).await;
    let claimed = claim(&*store, 100).await;
    let beats = claimed.iter().map(|task| Heartbeat {
        id: task.id,
        lease: task.lease,
        extend: Duration::ZERO,
        progress: None,
    });
    store.heartbeat(beats.collect()).await.expect("heartbeat");
    let outcomes = [SettlementOutcome::Completed(None), SettlementOutcome::Failed(failure("x"))];
    for outcome in outcomes {
        let reports = claimed.iter().take(50).map(|task| report(task, outcome.clone()));
        store.settle(reports.collect()).await.expect("settle");
    }
    store.rescue_expired(10).await.expect("rescue");
    store.grant_grace(HOUR).await.expect("grace");
    store.promote_due(10).await.expect("promote");
    store.cancel(vec![claimed[60].id, claimed[1].id]).await.expect("cancel");
    store.retry(vec![claimed[60].id, claimed[1].id]).await.expect("retry");
    store.get(vec![claimed[60].id, claimed[1].id]).await.expect("get");
    let filter = TaskFilter { queue: Some("default".to_owned()), ..TaskFilter::default() };
    store.list(filter, PageRequest { limit: 10, before: None }).await.expect("list");
    store.queues().await.expect("queues");
    store.workers(HOUR).await.expect("workers");
    // A session reports its scans when it ends.
    store.close().await;
    let scans = "SELECT coalesce(string_agg(relname || ' ' || seq_scan, ', '), '')
        FROM pg_stat_user_tables WHERE seq_scan > 0 AND (relname = 'tasks' OR relname LIKE 'history%')";
    while database.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'taskward'") != "0" {}
    assert_eq!(database.sql(scans), "");
    assert_ne!(database.sql("SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'tasks'"), "0");
}

/// Rows fetched through an index since the statistics were reset.
pub(super) fn fetched(database: &PostgresDatabase, index: &str) -> u64 {
    let sql = format!("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = '{index}'");
    database.sql(&sql).parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_made_for_an_empty_table_are_good_for_a_full_one() {
    const TASKS: usize = 2_000;
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    // The planner now believes that the table is empty, and every plan is made in that belief.
    database.sql("VACUUM ANALYZE tasks");
    life(&store, 1).await;
    database.sql("VACUUM ANALYZE tasks");
    database.sql("SELECT pg_stat_reset()");
    life(&store, TASKS).await;
    store.close().await;
    while database.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'taskward'") != "0" {}
    // Claims read each entry once, in steps of 100; nothing else walks through a partial index.
    let (ready, expiry) = (fetched(&database, "tasks_ready"), fetched(&database, "tasks_expiry"));
    assert!(ready <= 2 * TASKS as u64, "{ready} entries of tasks_ready");
    assert!(expiry <= 200, "{expiry} entries of tasks_expiry");
}

/// Creates tasks, claims them all, extends some and completes them one by one.
async fn life(store: &PostgresStore, tasks: usize) {
    store.enqueue((0..tasks).map(|_| task()).collect(), EnqueueMode::Each).await.expect("enqueue");
    // Claims of one queue and of several are different statements.
    let two_queues = vec!["default".to_owned(), "other".to_owned()];
    let of_both = ClaimDemand { queues: two_queues, ..demand("default", 100) };
    let mut claimed = Vec::new();
    while claimed.len() < tasks {
        claimed.extend(claim(store, 100).await);
        claimed.extend(claim_for(store, of_both.clone()).await);
    }
    for task in claimed.iter().take(20) {
        let beat = Heartbeat { id: task.id, lease: task.lease, extend: HOUR, progress: None };
        store.heartbeat(vec![beat]).await.expect("heartbeat");
        let outcome = SettlementOutcome::Completed(None);
        store.settle(vec![report(task, outcome)]).await.expect("settle");
    }
    store.promote_due(10).await.expect("promote");
    store.rescue_expired(10).await.expect("rescue");
}
