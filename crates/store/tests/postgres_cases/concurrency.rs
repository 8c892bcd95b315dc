//! Several instances on one database.

use std::collections::HashSet;

use taskward_core::{IdempotencyKey, NewTask, OnConflict};
use taskward_store::{EnqueueMode, Origin, TaskStore};

use crate::PostgresDatabase;
use crate::conformance::build::{assert_counters, demand, task, unique_task};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claimers_never_share_a_task() {
    const TASKS: usize = 2_000;
    let database = PostgresDatabase::fresh();
    let stores = [database.store().await, database.store().await];
    let batch = (0..TASKS).map(|_| task()).collect();
    stores[0].enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    let claimers = (0..8).map(|number| {
        let store = stores[number % 2].clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let found =
                    store.claim(vec![demand("default", 7), demand("default", 4)]).await.expect("claim");
                let before = mine.len();
                mine.extend(found.into_iter().flatten().map(|task| task.id));
                // Others may hold the rest locked for a moment, but they take what they hold.
                if mine.len() == before {
                    return mine;
                }
            }
        })
    });
    let mut all = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        all.extend(claimer.await.expect("the claimer does not panic"));
    }
    assert_eq!(all.len(), TASKS);
    assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), TASKS);
    assert_eq!(assert_counters(&*stores[1]).await["default"].running, TASKS as u64);
}

/// The keys of every caller are in another order.
fn shuffled(keys: u64, caller: u64) -> Vec<String> {
    let mut names: Vec<String> = (0..keys).map(|key| format!("key {key}")).collect();
    fastrand::Rng::with_seed(caller).shuffle(&mut names);
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_task_per_unique_key() {
    let database = PostgresDatabase::fresh();
    let stores = [database.store().await, database.store().await];
    let callers = (0..8).map(|caller| {
        let store = stores[caller as usize % 2].clone();
        tokio::spawn(async move {
            let new = |key: &String| unique_task(key, OnConflict::ReturnExisting);
            let batch = shuffled(40, caller).iter().map(new).collect();
            let answers = store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
            answers.into_iter().filter(|a| a.as_ref().expect("accepted").origin == Origin::Created).count()
        })
    });
    let mut created = 0;
    for caller in callers.collect::<Vec<_>>() {
        created += caller.await.expect("the caller does not panic");
    }
    assert_eq!(created, 40);
    assert_eq!(assert_counters(&*stores[0]).await["default"].created, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_task_per_idempotency_key() {
    let database = PostgresDatabase::fresh();
    let stores = [database.store().await, database.store().await];
    let callers = (0..8).map(|caller| {
        let store = stores[caller as usize % 2].clone();
        tokio::spawn(async move {
            let new = |key: String| NewTask {
                idempotency: Some(IdempotencyKey { key, fingerprint: [7; 32] }),
                ..task()
            };
            let batch = shuffled(40, caller).into_iter().map(new).collect();
            let answers = store.enqueue(batch, EnqueueMode::Atomic).await.expect("enqueue");
            answers.into_iter().map(|answer| answer.expect("accepted").task.id).collect::<HashSet<_>>()
        })
    });
    let mut ids = HashSet::new();
    for caller in callers.collect::<Vec<_>>() {
        ids.extend(caller.await.expect("the caller does not panic"));
    }
    assert_eq!(ids.len(), 40, "every caller got the same tasks");
    assert_eq!(assert_counters(&*stores[0]).await["default"].created, 40);
}
