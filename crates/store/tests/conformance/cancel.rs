//! Withdrawing tasks.

use taskward_core::{NewTask, OnConflict, Schedule, TaskId, TaskState};
use taskward_store::{OperateError, Origin, SettlementOutcome};

use super::Fixture;
use super::build::{HOUR, assert_counters, claim, claim_one, enqueue, get, settle, task, unique_task};

pub(crate) async fn waiting_task_is_cancelled(fixture: Fixture) {
    let store = fixture.store().await;
    let available = enqueue(&*store, task()).await.task.id;
    let scheduled = enqueue(&*store, NewTask { schedule: Schedule::In(HOUR), ..task() }).await.task.id;
    for result in store.cancel(vec![available, scheduled]).await.expect("cancel") {
        let cancelled = result.expect("cancelled");
        assert_eq!((cancelled.state, cancelled.attempt), (TaskState::Cancelled, 0));
        assert!(cancelled.finished_at.is_some());
        let read = get(&*store, cancelled.id).await;
        assert_eq!(format!("{read:?}"), format!("{cancelled:?}"));
    }
    assert!(claim(&*store, 5).await.is_empty());
    assert_counters(&*store).await;
}

pub(crate) async fn running_task_is_asked_to_stop(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    // Asking twice, also within a batch, is asking.
    for result in store.cancel(vec![claimed.id, claimed.id]).await.expect("cancel") {
        let asked = result.expect("asked to stop");
        assert!(asked.cancel_requested);
        assert_eq!((asked.state, asked.lease), (TaskState::Running, claimed.lease));
    }
    assert!(get(&*store, claimed.id).await.cancel_requested);
    assert_counters(&*store).await;
}

pub(crate) async fn finished_and_unknown_tasks_are_refused(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    settle(&*store, &claimed, SettlementOutcome::Completed(None)).await;
    let waiting = enqueue(&*store, task()).await.task.id;
    let ids = vec![TaskId::generate(), claimed.id, waiting, waiting];
    let results = store.cancel(ids).await.expect("cancel");
    let errors: Vec<_> = results.into_iter().map(Result::err).collect();
    let [done, gone] = [TaskState::Completed, TaskState::Cancelled].map(OperateError::InvalidState);
    assert_eq!(errors, [Some(OperateError::NotFound), Some(done), None, Some(gone)]);
    assert_counters(&*store).await;
}

pub(crate) async fn cancelled_task_frees_its_unique_key(fixture: Fixture) {
    let store = fixture.store().await;
    let id = enqueue(&*store, unique_task("k", OnConflict::Reject)).await.task.id;
    store.cancel(vec![id]).await.expect("cancel").remove(0).expect("cancelled");
    assert_eq!(enqueue(&*store, unique_task("k", OnConflict::Reject)).await.origin, Origin::Created);
}
