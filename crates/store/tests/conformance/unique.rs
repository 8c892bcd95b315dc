//! One unfinished task per queue, kind and key.

use taskward_core::{NewTask, OnConflict};
use taskward_store::{EnqueueError, EnqueueMode, Origin, SettlementOutcome};

use super::Fixture;
use super::build::{assert_counters, claim_one, enqueue, settle, unique_task};

pub(crate) async fn second_task_gets_the_existing_one(fixture: Fixture) {
    let store = fixture.store().await;
    let first = enqueue(&*store, unique_task("k", OnConflict::ReturnExisting)).await.task.id;
    claim_one(&*store).await;
    let second = enqueue(&*store, unique_task("k", OnConflict::ReturnExisting)).await;
    assert_eq!((second.origin, second.task.id), (Origin::Duplicate, first));
    assert_eq!(second.task.attempt, 1, "the existing task as it is now");
    assert_counters(&*store).await;
}

pub(crate) async fn second_task_can_be_rejected(fixture: Fixture) {
    let store = fixture.store().await;
    // What counts is what the second wants, not what the first wanted.
    let existing = enqueue(&*store, unique_task("k", OnConflict::ReturnExisting)).await.task.id;
    let batch = vec![unique_task("k", OnConflict::Reject), unique_task("other", OnConflict::Reject)];
    let results = store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    assert_eq!(results[0].as_ref().expect_err("rejected"), &EnqueueError::UniqueConflict { existing });
    assert!(results[1].is_ok());
    assert_counters(&*store).await;
}

pub(crate) async fn key_counts_per_queue_and_kind(fixture: Fixture) {
    let store = fixture.store().await;
    let unique = || unique_task("k", OnConflict::Reject);
    enqueue(&*store, unique()).await;
    enqueue(&*store, NewTask { queue: "other".to_owned(), ..unique() }).await;
    enqueue(&*store, NewTask { kind: "other".to_owned(), ..unique() }).await;
    assert_counters(&*store).await;
}

pub(crate) async fn key_is_free_once_the_task_is_finished(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, unique_task("k", OnConflict::Reject)).await;
    let claimed = claim_one(&*store).await;
    settle(&*store, &claimed, SettlementOutcome::Completed(None)).await;
    assert_eq!(enqueue(&*store, unique_task("k", OnConflict::Reject)).await.origin, Origin::Created);
}

pub(crate) async fn batch_sees_its_own_earlier_items(fixture: Fixture) {
    let store = fixture.store().await;
    let first = unique_task("k", OnConflict::ReturnExisting);
    let existing = first.id;
    let batch =
        vec![first, unique_task("k", OnConflict::ReturnExisting), unique_task("k", OnConflict::Reject)];
    let mut results = store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    let rejected = results.remove(2).expect_err("rejected");
    assert_eq!(rejected, EnqueueError::UniqueConflict { existing });
    let duplicate = results.remove(1).expect("accepted");
    assert_eq!((duplicate.origin, duplicate.task.id), (Origin::Duplicate, existing));
    assert_eq!(results.remove(0).expect("accepted").origin, Origin::Created);
    assert_counters(&*store).await;
}
