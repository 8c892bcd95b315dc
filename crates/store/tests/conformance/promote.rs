//! Making due tasks available.

use std::time::Duration;

use taskward_core::{NewTask, Schedule, TaskState};
use taskward_store::{EnqueueMode, SettlementOutcome};

use super::Fixture;
use super::build::{HOUR, assert_counters, claim, enqueue, get, promote, report, task, task_in};

pub(crate) async fn due_task_becomes_available(fixture: Fixture) {
    let store = fixture.store().await;
    let soon = Schedule::In(Duration::from_millis(1));
    let made = enqueue(&*store, NewTask { schedule: soon, ..task_in("q") }).await.task;
    promote(&*store, 1).await;
    let read = get(&*store, made.id).await;
    assert_eq!((read.state, read.run_at), (TaskState::Available, made.run_at));
    let next = store.promote_due(10).await.expect("promote");
    assert_eq!((next.count, next.queues, next.next_due_in), (0, Vec::new(), None));
    assert_counters(&*store).await;
}

pub(crate) async fn limit_leaves_the_rest_due(fixture: Fixture) {
    let store = fixture.store().await;
    let batch = (0..5).map(|number| task_in(if number < 3 { "a" } else { "b" })).collect();
    store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    for queue in ["a", "b"] {
        let claimed = super::build::claim_for(&*store, super::build::demand(queue, 5)).await;
        let snoozed = SettlementOutcome::Snoozed(Duration::ZERO);
        let reports = claimed.iter().map(|task| report(task, snoozed.clone())).collect();
        store.settle(reports).await.expect("settle");
    }
    assert_counters(&*store).await;
    let first = store.promote_due(3).await.expect("promote");
    assert_eq!((first.count, first.next_due_in), (3, Some(Duration::ZERO)));
    assert_eq!(first.queues, ["a"], "the longest due come first");
    let second = store.promote_due(3).await.expect("promote");
    assert_eq!((second.count, second.queues, second.next_due_in), (2, vec!["b".to_owned()], None));
    assert_counters(&*store).await;
}

pub(crate) async fn task_that_is_not_due_stays(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, NewTask { schedule: Schedule::In(HOUR), ..task() }).await;
    enqueue(&*store, NewTask { schedule: Schedule::In(HOUR * 2), ..task() }).await;
    let round = store.promote_due(10).await.expect("promote");
    assert_eq!(round.count, 0);
    let next = round.next_due_in.expect("two are scheduled");
    assert!(next <= HOUR && next > HOUR / 2, "{next:?}");
    assert!(claim(&*store, 5).await.is_empty());
}
