//! Creating tasks and serving those who wait for them, at once.

use taskward_core::{NewTask, OnConflict, TaskState};
use taskward_store::{HandedOver, SettlementOutcome, Store};

use super::Fixture;
use super::build::{assert_counters, demand, enqueue, get, settle, task, task_in, unique_task};

/// Creates tasks in queue `default` for a demand for two tasks there, and one elsewhere.
async fn hand_over(store: &dyn Store, tasks: Vec<NewTask>) -> HandedOver {
    let demands = vec![demand("default", 2), demand("other", 1)];
    let done = store.enqueue_and_claim(tasks, demands).await.expect("enqueue and claim");
    assert_eq!(done.claimed.len(), 2);
    assert!(done.claimed[1].is_empty(), "nothing was in that queue");
    done
}

pub(crate) async fn waiting_worker_gets_the_new_tasks(fixture: Fixture) {
    let store = fixture.store().await;
    let done = hand_over(&*store, vec![task(), task(), task(), task_in("third")]).await;
    assert!(done.enqueued.iter().flatten().all(|new| new.task.state == TaskState::Available));
    let [first, second] = &done.claimed[0][..] else { panic!("two tasks: {:?}", done.claimed) };
    assert_eq!((first.state, first.lease, first.worker_id.as_deref()), (TaskState::Running, 1, Some("w1")));
    for claimed in [first, second] {
        assert_eq!(format!("{:?}", get(&*store, claimed.id).await), format!("{claimed:?}"));
    }
    assert_counters(&*store).await;
    settle(&*store, first, SettlementOutcome::Completed(None)).await;
}

pub(crate) async fn what_waits_already_comes_first(fixture: Fixture) {
    let store = fixture.store().await;
    let old = [enqueue(&*store, task()).await.task.id, enqueue(&*store, task()).await.task.id];
    let done = hand_over(&*store, vec![task()]).await;
    assert_eq!(done.claimed[0].iter().map(|task| task.id).collect::<Vec<_>>(), old);
    let new = done.enqueued[0].as_ref().expect("created");
    assert_eq!(get(&*store, new.task.id).await.state, TaskState::Available);
}

pub(crate) async fn paused_queue_hands_nothing_over(fixture: Fixture) {
    let store = fixture.store().await;
    store.set_paused("default", true).await.expect("paused");
    let done = hand_over(&*store, vec![task()]).await;
    assert!(done.enqueued[0].is_ok() && done.claimed[0].is_empty());
    assert_counters(&*store).await;
}

pub(crate) async fn keys_count_as_ever(fixture: Fixture) {
    let store = fixture.store().await;
    let reject = || unique_task("k", OnConflict::Reject);
    let done = hand_over(&*store, vec![reject(), reject()]).await;
    assert!(done.enqueued[0].is_ok() && done.enqueued[1].is_err());
    assert_counters(&*store).await;
}

pub(crate) async fn refused_task_hands_nothing_over(fixture: Fixture) {
    let store = fixture.store().await;
    let old = enqueue(&*store, task()).await.task.id;
    let poison = NewTask { priority: 77, ..task() };
    store.enqueue_and_claim(vec![task(), poison], vec![demand("default", 9)]).await.expect_err("refused");
    assert_eq!(get(&*store, old).await.state, TaskState::Available);
    assert_counters(&*store).await;
    assert_eq!(hand_over(&*store, vec![task()]).await.claimed[0].len(), 2, "the store goes on");
}
