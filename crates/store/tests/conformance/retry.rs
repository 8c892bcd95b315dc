//! Bringing dead tasks back.

use taskward_core::{NewTask, OnConflict, Schedule, TaskId, TaskState};
use taskward_store::{OperateError, SettlementOutcome};

use super::Fixture;
use super::build::{
    HOUR, assert_counters, claim_for, claim_one, demand, enqueue, get, make_dead, settle, task, task_in,
    unique_task,
};

pub(crate) async fn dead_task_starts_afresh(fixture: Fixture) {
    let store = fixture.store().await;
    let id = make_dead(&*store, NewTask { tags: vec!["t".to_owned()], ..task() }).await;
    let dead = get(&*store, id).await;
    let back = store.retry(vec![id]).await.expect("retry").remove(0).expect("brought back");
    assert_eq!((back.state, back.attempt, back.crashes), (TaskState::Available, 0, 0));
    assert_eq!((back.lease, back.errors.len(), back.last_outcome), (1, 1, None));
    assert_eq!((back.dead_reason, back.finished_at), (None, None));
    assert!(back.run_at > dead.run_at && back.result.is_none());
    assert_eq!(
        (back.created_at, back.tags, back.payload.get()),
        (dead.created_at, dead.tags, dead.payload.get())
    );
    assert_counters(&*store).await;
    let claimed = claim_one(&*store).await;
    assert_eq!((claimed.id, claimed.attempt, claimed.lease), (id, 1, 2));
    assert_counters(&*store).await;
}

pub(crate) async fn only_dead_tasks_can_be_retried(fixture: Fixture) {
    let store = fixture.store().await;
    let available = enqueue(&*store, task()).await.task.id;
    let scheduled = enqueue(&*store, NewTask { schedule: Schedule::In(HOUR), ..task() }).await.task.id;
    let cancelled = enqueue(&*store, task()).await.task.id;
    store.cancel(vec![cancelled]).await.expect("cancel").remove(0).expect("cancelled");
    let mut of_others = Vec::new();
    for outcome in [Some(SettlementOutcome::Completed(None)), None] {
        enqueue(&*store, task_in("other")).await;
        let claimed = claim_for(&*store, demand("other", 1)).await.remove(0);
        of_others.push(claimed.id);
        if let Some(outcome) = outcome {
            settle(&*store, &claimed, outcome).await;
        }
    }
    let ids = vec![available, scheduled, cancelled, of_others[0], of_others[1], TaskId::generate()];
    let results = store.retry(ids).await.expect("retry");
    let errors: Vec<_> = results.into_iter().map(|result| result.expect_err("refused")).collect();
    let mut expected = [
        TaskState::Available,
        TaskState::Scheduled,
        TaskState::Cancelled,
        TaskState::Completed,
        TaskState::Running,
    ]
    .map(OperateError::InvalidState)
    .to_vec();
    expected.push(OperateError::NotFound);
    assert_eq!(errors, expected);
    assert_counters(&*store).await;
}

pub(crate) async fn unique_key_taken_meanwhile_is_a_conflict(fixture: Fixture) {
    let store = fixture.store().await;
    let dead = make_dead(&*store, unique_task("k", OnConflict::Reject)).await;
    let existing = enqueue(&*store, unique_task("k", OnConflict::Reject)).await.task.id;
    let refused = store.retry(vec![dead]).await.expect("retry").remove(0).expect_err("refused");
    assert_eq!(refused, OperateError::UniqueConflict { existing });
    assert_eq!(get(&*store, dead).await.state, TaskState::Dead);
    assert_counters(&*store).await;
}

pub(crate) async fn batch_of_equal_keys_brings_one_back(fixture: Fixture) {
    let store = fixture.store().await;
    let first = make_dead(&*store, unique_task("k", OnConflict::Reject)).await;
    let second = make_dead(&*store, unique_task("k", OnConflict::Reject)).await;
    let results = store.retry(vec![second, first, second]).await.expect("retry");
    let errors: Vec<_> = results.into_iter().map(Result::err).collect();
    let taken = OperateError::UniqueConflict { existing: second };
    let back = OperateError::InvalidState(TaskState::Available);
    assert_eq!(errors, [None, Some(taken), Some(back)]);
    assert_counters(&*store).await;
}
