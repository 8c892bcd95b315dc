//! Creation requests that come again.

use std::time::Duration;

use taskward_core::{IdempotencyKey, NewTask, OnConflict, TaskState};
use taskward_store::{EnqueueError, EnqueueMode, IdempotencyHit, Origin, SettlementOutcome, StoreOptions};

use super::Fixture;
use super::build::{HOUR, assert_counters, claim_one, enqueue, settle, task, unique_task};

/// A new task of a request with this key, whose body is told by one byte.
fn keyed(key: &str, body: u8) -> NewTask {
    NewTask { idempotency: Some(IdempotencyKey { key: key.to_owned(), fingerprint: [body; 32] }), ..task() }
}

pub(crate) async fn same_request_is_answered_with_the_task_as_it_is_now(fixture: Fixture) {
    let store = fixture.store().await;
    let first = enqueue(&*store, keyed("key", 1)).await;
    assert_eq!(first.origin, Origin::Created);
    let claimed = claim_one(&*store).await;
    settle(&*store, &claimed, SettlementOutcome::Completed(None)).await;
    let again = enqueue(&*store, keyed("key", 1)).await;
    assert_eq!((again.origin, again.task.id), (Origin::Replayed, first.task.id));
    assert_eq!(again.task.state, TaskState::Completed);
    let hit = IdempotencyHit { fingerprint: [1; 32], task_id: first.task.id };
    assert_eq!(store.find_idempotent("key").await.expect("find"), Some(hit));
    assert_eq!(store.find_idempotent("other").await.expect("find"), None);
    assert_counters(&*store).await;
}

pub(crate) async fn other_request_is_refused(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, keyed("key", 1)).await;
    let batch = vec![keyed("key", 2), keyed("other", 2)];
    let results = store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    assert_eq!(results[0].as_ref().expect_err("refused"), &EnqueueError::IdempotencyKeyReused);
    assert!(results[1].is_ok());
    assert_counters(&*store).await;
}

pub(crate) async fn key_is_forgotten_after_its_window(fixture: Fixture) {
    let options = StoreOptions { idempotency_window: Duration::ZERO, ..StoreOptions::default() };
    let store = fixture.store_with(options).await;
    let first = enqueue(&*store, keyed("key", 1)).await;
    assert_eq!(store.find_idempotent("key").await.expect("find"), None);
    let second = enqueue(&*store, keyed("key", 2)).await;
    assert_eq!(second.origin, Origin::Created);
    assert_ne!(first.task.id, second.task.id);
}

pub(crate) async fn key_of_a_pruned_task_counts_as_new(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, keyed("key", 1)).await;
    let claimed = claim_one(&*store).await;
    settle(&*store, &claimed, SettlementOutcome::Completed(None)).await;
    // As pruning does, by the row or by the partition.
    fixture.database.execute("DELETE FROM history").await;
    assert_eq!(store.find_idempotent("key").await.expect("find"), None);
    let again = enqueue(&*store, keyed("key", 2)).await;
    assert_eq!(again.origin, Origin::Created);
    let hit = store.find_idempotent("key").await.expect("find").expect("the key stands for the new task");
    assert_eq!(hit.task_id, again.task.id);
}

pub(crate) async fn refused_item_records_no_key(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, unique_task("k", OnConflict::Reject)).await;
    let refused =
        NewTask { idempotency: keyed("key", 1).idempotency, ..unique_task("k", OnConflict::Reject) };
    let results = store.enqueue(vec![refused], EnqueueMode::Each).await.expect("enqueue");
    assert!(results[0].is_err());
    assert_eq!(store.find_idempotent("key").await.expect("find"), None);
    // Nor does an item that was accepted in a batch that was not.
    let batch = vec![keyed("key", 1), unique_task("k", OnConflict::Reject)];
    store.enqueue(batch, EnqueueMode::Atomic).await.expect("enqueue");
    assert_eq!(store.find_idempotent("key").await.expect("find"), None);
}

pub(crate) async fn duplicate_records_the_existing_task(fixture: Fixture) {
    let store = fixture.store().await;
    let existing = enqueue(&*store, unique_task("k", OnConflict::ReturnExisting)).await.task.id;
    let new =
        NewTask { idempotency: keyed("key", 1).idempotency, ..unique_task("k", OnConflict::ReturnExisting) };
    assert_eq!(enqueue(&*store, new.clone()).await.origin, Origin::Duplicate);
    let again = enqueue(&*store, new).await;
    assert_eq!((again.origin, again.task.id), (Origin::Replayed, existing));
}

pub(crate) async fn batch_sees_its_own_earlier_keys(fixture: Fixture) {
    let store = fixture.store().await;
    let batch = vec![keyed("key", 1), keyed("key", 1), keyed("key", 2)];
    let results = store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    let origins: Vec<_> = results.iter().map(|item| item.as_ref().map(|made| made.origin)).collect();
    let reused = EnqueueError::IdempotencyKeyReused;
    assert_eq!(origins, [Ok(Origin::Created), Ok(Origin::Replayed), Err(&reused)]);
    assert_counters(&*store).await;
}

pub(crate) async fn replay_wins_over_uniqueness(fixture: Fixture) {
    let store = fixture.store().await;
    let new = NewTask { idempotency: keyed("key", 1).idempotency, ..unique_task("k", OnConflict::Reject) };
    enqueue(&*store, new.clone()).await;
    assert_eq!(enqueue(&*store, new).await.origin, Origin::Replayed);
    assert_eq!(store.prune(HOUR, 100).await.expect("prune").idempotency_keys, 0);
}
