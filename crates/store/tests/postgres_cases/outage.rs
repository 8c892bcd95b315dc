//! A database that goes away, comes back, or refuses.

use std::time::Duration;

use taskward_core::TaskState;
use taskward_store::postgres::PostgresStore;
use taskward_store::{SettlementOutcome, StoreAdmin, StoreError, StoreOptions, TaskStore};
use taskward_testkit::postgres::TempPostgres;

use super::PATIENCE;
use crate::PostgresDatabase;
use crate::conformance::build::{HOUR, claim_one, enqueue, get, settle, task};

/// Asks until the store answers again: after an outage each pooled connection is found closed once.
async fn recovers(store: &PostgresStore) {
    let answered = async { while store.promote_due(1).await.is_err() {} };
    tokio::time::timeout(PATIENCE, answered).await.expect("the store recovers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_survives_a_restart_of_the_database() {
    let mut database = PostgresDatabase::fresh();
    let store = database.store().await;
    let id = enqueue(&*store, task()).await.task.id;
    let running = claim_one(&*store).await;

    database.server.stop_immediate();
    for _ in 0..3 {
        let refused = store.get(vec![id]).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        let refused = store.settle(vec![]).await;
        assert!(refused.is_ok(), "an empty batch needs no database");
    }
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));

    database.server.restart();
    recovers(&store).await;
    assert!(!settle(&*store, &running, SettlementOutcome::Completed(None)).await.repeated);
    assert_eq!(get(&*store, id).await.state, TaskState::Completed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn call_cut_off_on_the_way_is_unavailable() {
    let mut database = PostgresDatabase::fresh();
    let store = database.store().await;
    // The claim waits for this lock when the server is stopped.
    let locker = store.clone();
    let url = database.url.clone();
    let (locked, lock) = tokio::sync::oneshot::channel();
    let holder = tokio::spawn(async move {
        let config: tokio_postgres::Config = url.parse().expect("a URL");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("connect");
        let connection = tokio::spawn(connection);
        client.batch_execute("BEGIN; LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE").await.expect("lock");
        locked.send(()).expect("the test waits");
        let _ = connection.await;
    });
    lock.await.expect("the table is locked");
    let call = tokio::spawn(async move { enqueue_result(&locker).await });
    while database.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "0" {}
    database.server.stop_immediate();
    let cut_off = call.await.expect("the call returns");
    assert!(matches!(cut_off, Err(StoreError::Unavailable(_))), "{cut_off:?}");
    holder.await.expect("the holder ends");
    database.server.restart();
    recovers(&store).await;
    enqueue(&*store, task()).await;
}

async fn enqueue_result(store: &PostgresStore) -> Result<usize, StoreError> {
    store.enqueue(vec![task()], taskward_store::EnqueueMode::Each).await.map(|answers| answers.len())
}

/// As after a network that swallowed the answer to the lock, and told neither side that the other has gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_left_behind_with_locks_hold_nobody_up() {
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    enqueue(&*store, task()).await;
    let running = claim_one(&*store).await;
    let session = async |name: &str, sql: &str| {
        let mut config: tokio_postgres::Config = database.url.parse().expect("a URL");
        config.application_name(name);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("connect");
        tokio::spawn(connection);
        client.batch_execute(&format!("BEGIN; {sql}")).await.expect("begun");
        client
    };
    let left = session("taskward", "SELECT FROM tasks WHERE state = 'running' FOR UPDATE").await;
    let reads = session("taskward", "SELECT FROM tasks").await;
    let other = session("psql", "LOCK TABLE tasks IN ROW SHARE MODE").await;
    let for_a_second = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'
        AND state_change < clock_timestamp() - interval '1 second'";
    while database.sql(for_a_second) != "3" {}
    let granted =
        tokio::time::timeout(PATIENCE, store.grant_grace(HOUR)).await.expect("nobody is waited for");
    assert_eq!(granted.expect("grace"), 1);
    assert!(left.batch_execute("COMMIT").await.is_err(), "it was ended");
    reads.batch_execute("COMMIT").await.expect("who reads is left alone");
    other.batch_execute("COMMIT").await.expect("and so is who is not of this service");
    settle(&*store, &running, SettlementOutcome::Completed(None)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    let server = TempPostgres::start();
    let url = server.create_database();
    let mut database = PostgresDatabase { server, url };
    let store = database.store().await;
    let (first, second) = (enqueue(&*store, task()).await.task.id, enqueue(&*store, task()).await.task.id);
    let running = claim_one(&*store).await;
    settle(&*store, &running, SettlementOutcome::Completed(None)).await;
    database.server.kill9();
    database.server.restart();
    recovers(&store).await;
    assert_eq!(get(&*store, first).await.state, TaskState::Completed);
    assert_eq!(get(&*store, second).await.state, TaskState::Available);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_that_refuses_writes_is_read_only() {
    let database = PostgresDatabase::fresh();
    let id = enqueue(&*database.store().await, task()).await.task.id;
    database.sql("ALTER DATABASE test_0 SET default_transaction_read_only = on");
    let store = PostgresStore::connect(&database.url, StoreOptions::default()).await.expect("connect");
    let refused = enqueue_result(&store).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly(_))), "{refused:?}");
    assert_eq!(get(&store, id).await.id, id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reader_that_has_to_wait_times_out() {
    let database = PostgresDatabase::fresh();
    database.store().await;
    let options = StoreOptions { statement_timeout: Duration::from_millis(50), ..StoreOptions::default() };
    let store = PostgresStore::connect(&database.url, options).await.expect("connect");
    let config: tokio_postgres::Config = database.url.parse().expect("a URL");
    let (mut client, connection) = config.connect(tokio_postgres::NoTls).await.expect("connect");
    tokio::spawn(connection);
    let transaction = client.transaction().await.expect("begin");
    transaction.batch_execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE").await.expect("lock");
    let refused = store.queues().await;
    assert!(matches!(refused, Err(StoreError::Timeout)), "{refused:?}");
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let given_up = async {
        while database.sql(waiting) != "0" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, given_up).await.expect("the server does not go on with it");
    transaction.rollback().await.expect("rollback");
    store.queues().await.expect("the store is usable again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_unavailable_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    drop(listener);
    let url = format!("postgres://nobody@127.0.0.1:{port}/nothing");
    let refused = PostgresStore::connect(&url, StoreOptions::default()).await.err();
    assert!(matches!(refused, Some(StoreError::Unavailable(_))), "{refused:?}");
}
