//! Creating tasks.

use std::time::Duration;

use taskward_core::{NewTask, OnConflict, RetryPolicy, Schedule, TaskState, UniqueKey};
use taskward_store::{EnqueueError, EnqueueMode, Origin, StoreError};

use super::Fixture;
use super::build::{HOUR, assert_counters, enqueue, get, json, task, unique_task};

pub(crate) async fn created_task_is_returned_as_stored(fixture: Fixture) {
    let store = fixture.store().await;
    let made = enqueue(&*store, task()).await;
    assert_eq!(made.origin, Origin::Created);
    assert_eq!(made.task.state, TaskState::Available);
    assert_eq!(made.task.run_at, made.task.created_at);
    let read = get(&*store, made.task.id).await;
    assert_eq!(format!("{read:?}"), format!("{:?}", made.task));
    assert_counters(&*store).await;
}

pub(crate) async fn every_part_of_a_task_is_kept(fixture: Fixture) {
    let store = fixture.store().await;
    let new = NewTask {
        kind: "mail.send ✉".to_owned(),
        queue: "mail".to_owned(),
        payload: json("{ \"a\" : [1.50, 1e3, \"\\u00e9\"],\n \"a\": 2 }"),
        priority: 9,
        timeout: Duration::from_millis(1_500),
        max_attempts: 7,
        retry: RetryPolicy {
            initial: Duration::from_millis(250),
            factor: 1.7,
            max: Duration::from_secs(90),
            jitter: 0.25,
        },
        unique: Some(UniqueKey { key: "k'1".to_owned(), on_conflict: OnConflict::Reject }),
        tags: vec!["a".to_owned(), "b \"c\"".to_owned()],
        metadata: Some(json(r#"{"by":"x"}"#)),
        ..task()
    };
    let made = enqueue(&*store, new.clone()).await.task;
    let read = get(&*store, new.id).await;
    assert_eq!(format!("{read:?}"), format!("{made:?}"));
    assert_eq!((&read.kind, &read.queue), (&new.kind, &new.queue));
    assert_eq!(read.payload.get(), new.payload.get(), "the payload's text is not changed");
    assert_eq!((read.priority, read.timeout, read.max_attempts), (9, new.timeout, 7));
    assert_eq!((read.retry, read.unique, read.tags), (new.retry, new.unique, new.tags));
    assert_eq!(read.metadata.expect("metadata").get(), r#"{"by":"x"}"#);
}

pub(crate) async fn delayed_task_is_scheduled(fixture: Fixture) {
    let store = fixture.store().await;
    let made = enqueue(&*store, NewTask { schedule: Schedule::In(HOUR), ..task() }).await.task;
    assert_eq!(made.state, TaskState::Scheduled);
    assert_eq!(made.run_at.duration_since(made.created_at).unsigned_abs(), HOUR);
    let moment = made.run_at;
    let made = enqueue(&*store, NewTask { schedule: Schedule::At(moment), ..task() }).await.task;
    assert_eq!((made.state, made.run_at), (TaskState::Scheduled, moment));
    assert_counters(&*store).await;
}

pub(crate) async fn moment_in_the_past_means_now(fixture: Fixture) {
    let store = fixture.store().await;
    let past = taskward_core::Timestamp::UNIX_EPOCH;
    let made = enqueue(&*store, NewTask { schedule: Schedule::At(past), ..task() }).await.task;
    assert_eq!(made.state, TaskState::Available);
    assert_eq!(made.run_at, made.created_at, "it does not overtake what waits already");
}

pub(crate) async fn results_are_in_the_order_of_the_items(fixture: Fixture) {
    let store = fixture.store().await;
    let tasks: Vec<NewTask> = (0..300).map(|_| task()).rev().collect();
    let ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
    let results = store.enqueue(tasks, EnqueueMode::Each).await.expect("enqueue");
    let made: Vec<_> = results.into_iter().map(|result| result.expect("accepted").task.id).collect();
    assert_eq!(made, ids);
    let read = store.get(ids).await.expect("get");
    assert!(read.iter().all(Option::is_some));
    assert_counters(&*store).await;
}

pub(crate) async fn empty_batch_is_nothing(fixture: Fixture) {
    let store = fixture.store().await;
    for mode in [EnqueueMode::Each, EnqueueMode::Atomic] {
        assert!(store.enqueue(Vec::new(), mode).await.expect("enqueue").is_empty());
    }
    assert!(store.settle(Vec::new()).await.expect("settle").is_empty());
    assert!(store.heartbeat(Vec::new()).await.expect("heartbeat").is_empty());
    assert!(store.claim(Vec::new()).await.expect("claim").is_empty());
    assert!(store.get(Vec::new()).await.expect("get").is_empty());
}

pub(crate) async fn atomic_refusal_creates_nothing(fixture: Fixture) {
    let store = fixture.store().await;
    let existing = enqueue(&*store, unique_task("k", OnConflict::Reject)).await.task.id;
    let batch = vec![task(), unique_task("k", OnConflict::Reject), task()];
    let ids: Vec<_> = batch.iter().map(|task| task.id).collect();
    let results = store.enqueue(batch, EnqueueMode::Atomic).await.expect("enqueue");
    let errors: Vec<_> = results.into_iter().map(|result| result.expect_err("refused")).collect();
    let conflict = EnqueueError::UniqueConflict { existing };
    assert_eq!(errors, [EnqueueError::Aborted, conflict, EnqueueError::Aborted]);
    assert!(store.get(ids).await.expect("get").iter().all(Option::is_none));
    assert_counters(&*store).await;
}

pub(crate) async fn atomic_batch_without_refusal_creates_all(fixture: Fixture) {
    let store = fixture.store().await;
    let batch = vec![task(), unique_task("k", OnConflict::ReturnExisting), task()];
    let results = store.enqueue(batch, EnqueueMode::Atomic).await.expect("enqueue");
    assert!(results.iter().all(|item| item.as_ref().is_ok_and(|made| made.origin == Origin::Created)));
    assert_counters(&*store).await;
}

/// Calls that happen to share a transaction do not share their failures.
pub(crate) async fn call_the_database_refuses_fails_alone(fixture: Fixture) {
    let store = fixture.store().await;
    let calls = (0..40).map(|number| {
        let priority = if number % 8 == 3 { 0 } else { 5 };
        let store = std::sync::Arc::clone(&store);
        tokio::spawn(async move {
            let batch = vec![task(), NewTask { priority, ..task() }];
            (priority, store.enqueue(batch, EnqueueMode::Each).await)
        })
    });
    for call in calls.collect::<Vec<_>>() {
        match call.await.expect("the call does not panic") {
            (0, outcome) => assert!(matches!(outcome, Err(StoreError::Rejected(_))), "{outcome:?}"),
            (_, outcome) => assert_eq!(outcome.expect("enqueue").len(), 2),
        }
    }
    assert_eq!(assert_counters(&*store).await["default"].available, 70);
}
