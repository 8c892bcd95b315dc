//! Instances wake each other.

use std::time::Duration;

use taskward_store::TaskStore;
use tokio::time::timeout;

use super::PATIENCE;
use crate::PostgresDatabase;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wake_up_reaches_the_others_only() {
    let database = PostgresDatabase::fresh();
    let (here, there) = (database.store().await, database.store().await);
    // The first wake-up says that the store listens from now on.
    timeout(PATIENCE, here.woken_by_others()).await.expect("listens");
    timeout(PATIENCE, there.woken_by_others()).await.expect("listens");
    here.wake_others().await;
    timeout(PATIENCE, there.woken_by_others()).await.expect("woken");
    let own = timeout(Duration::from_millis(200), here.woken_by_others()).await;
    assert!(own.is_err(), "a store does not wake itself");
    there.wake_others().await;
    timeout(PATIENCE, here.woken_by_others()).await.expect("woken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_that_does_not_listen_can_wake() {
    let database = PostgresDatabase::fresh();
    let (here, there) = (database.store().await, database.store().await);
    timeout(PATIENCE, there.woken_by_others()).await.expect("listens");
    here.wake_others().await;
    timeout(PATIENCE, there.woken_by_others()).await.expect("woken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listener_comes_back_after_an_outage() {
    let mut database = PostgresDatabase::fresh();
    let store = database.store().await;
    timeout(PATIENCE, store.woken_by_others()).await.expect("listens");
    database.server.stop_immediate();
    store.wake_others().await;
    database.server.restart();
    timeout(PATIENCE, store.woken_by_others()).await.expect("listens again");
}
