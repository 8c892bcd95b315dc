//! What was said stays said.

use taskward_core::{NewTask, TaskState};
use taskward_store::{SettlementOutcome, StoreError, StoreOptions};

use super::Fixture;
use super::build::{assert_counters, claim, enqueue, get, json, settle, task};

pub(crate) async fn everything_is_there_after_opening_again(fixture: Fixture) {
    let store = fixture.store().await;
    for number in 0..4 {
        enqueue(&*store, NewTask { payload: json(&number.to_string()), ..task() }).await;
    }
    let claimed = claim(&*store, 2).await;
    settle(&*store, &claimed[0], SettlementOutcome::Completed(Some(json("1")))).await;
    store.set_paused("default", true).await.expect("pause");
    let before = assert_counters(&*store).await;
    drop(store);

    let store = fixture.database.open(StoreOptions::default()).await;
    store.check_schema().await.expect("the schema is current");
    let after = assert_counters(&*store).await;
    assert_eq!((after["default"].completed, after["default"].running), (1, 1));
    assert_eq!((after["default"].created, after["default"].paused), (before["default"].created, true));
    let read = get(&*store, claimed[1].id).await;
    assert_eq!(format!("{read:?}"), format!("{:?}", claimed[1]));
    assert!(!settle(&*store, &claimed[1], SettlementOutcome::Released).await.repeated);
}

pub(crate) async fn second_store_sees_what_the_first_did(fixture: Fixture) {
    let (first, second) = (fixture.store().await, fixture.store().await);
    let id = enqueue(&*first, task()).await.task.id;
    assert_eq!(get(&*second, id).await.state, TaskState::Available);
    let claimed = claim(&*second, 1).await.remove(0);
    settle(&*first, &claimed, SettlementOutcome::Completed(None)).await;
    assert_eq!(get(&*second, id).await.state, TaskState::Completed);
    assert_counters(&*second).await;
}

pub(crate) async fn closed_store_refuses(fixture: Fixture) {
    let store = fixture.store().await;
    let id = enqueue(&*store, task()).await.task.id;
    store.close().await;
    assert!(matches!(store.promote_due(1).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.get(vec![id]).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    let again = fixture.store().await;
    assert_eq!(get(&*again, id).await.id, id);
}

pub(crate) async fn ping_and_name(fixture: Fixture) {
    let store = fixture.store().await;
    store.ping().await.expect("the database answers");
    let name = store.describe();
    assert!(name.starts_with("sqlite:") || name.starts_with("postgres://"), "{name}");
}
