//! Handing out tasks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use taskward_core::{NewTask, Schedule, TaskId, TaskState};
use taskward_store::{ClaimDemand, EnqueueMode, SettlementOutcome};

use super::Fixture;
use super::build::{
    HOUR, assert_counters, claim, claim_for, claim_one, demand, enqueue, get, json, settle, task, task_in,
};

pub(crate) async fn nothing_to_claim_gives_empty_lists(fixture: Fixture) {
    let store = fixture.store().await;
    let lists = store.claim(vec![demand("default", 5), demand("other", 1)]).await.expect("claim");
    assert_eq!(lists.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0]);
    enqueue(&*store, task()).await;
    assert!(claim(&*store, 0).await.is_empty(), "a demand for none gets none");
}

pub(crate) async fn claimed_task_is_running_under_a_lease(fixture: Fixture) {
    let store = fixture.store().await;
    let made = enqueue(&*store, task()).await.task;
    let claimed = claim_one(&*store).await;
    assert_eq!((claimed.id, claimed.state), (made.id, TaskState::Running));
    assert_eq!((claimed.attempt, claimed.lease, claimed.crashes), (1, 1, 0));
    assert_eq!(claimed.worker_id.as_deref(), Some("w1"));
    assert_eq!((claimed.last_outcome, claimed.run_at), (None, made.run_at));
    let started_at = claimed.started_at.expect("it is running");
    let expires_at = claimed.lease_expires_at.expect("it is leased");
    assert_eq!(expires_at.duration_since(started_at).unsigned_abs(), HOUR);
    assert!(started_at >= made.created_at);
    let read = get(&*store, made.id).await;
    assert_eq!(format!("{read:?}"), format!("{claimed:?}"));
    assert_counters(&*store).await;
}

pub(crate) async fn order_is_priority_then_run_at_then_id(fixture: Fixture) {
    let store = fixture.store().await;
    let [a, b, c, d, e] = [task(), task(), task(), task(), task()];
    let expected = [d.id, e.id, b.id, c.id, a.id];
    // One batch has one `run_at`; later batches later ones. Ids were made before, in another order.
    let first = NewTask { priority: 1, ..d };
    store.enqueue(vec![c, b], EnqueueMode::Each).await.expect("enqueue");
    store.enqueue(vec![a, first], EnqueueMode::Each).await.expect("enqueue");
    store.enqueue(vec![NewTask { priority: 2, ..e }], EnqueueMode::Each).await.expect("enqueue");
    let ids: Vec<TaskId> = claim(&*store, 10).await.into_iter().map(|task| task.id).collect();
    assert_eq!(ids, expected);
}

pub(crate) async fn queues_are_served_in_strict_order(fixture: Fixture) {
    let store = fixture.store().await;
    let second = enqueue(&*store, NewTask { priority: 1, ..task_in("second") }).await.task.id;
    let first = enqueue(&*store, NewTask { priority: 9, ..task_in("first") }).await.task.id;
    let queues = vec!["none".to_owned(), "first".to_owned(), "second".to_owned()];
    let wanted = ClaimDemand { queues, max: 1, ..demand("", 1) };
    assert_eq!(claim_for(&*store, wanted.clone()).await[0].id, first);
    assert_eq!(claim_for(&*store, wanted.clone()).await[0].id, second);
    assert!(claim_for(&*store, wanted).await.is_empty());
    assert_counters(&*store).await;
}

pub(crate) async fn only_wanted_kinds_are_claimed(fixture: Fixture) {
    let store = fixture.store().await;
    for kind in ["a", "b", "c", "b"] {
        enqueue(&*store, NewTask { kind: kind.to_owned(), ..task() }).await;
    }
    let wanted = ClaimDemand { kinds: vec!["c".to_owned(), "b".to_owned()], ..demand("default", 10) };
    let kinds: Vec<String> = claim_for(&*store, wanted).await.into_iter().map(|task| task.kind).collect();
    assert_eq!(kinds, ["b", "c", "b"]);
    assert_eq!(claim(&*store, 10).await.len(), 1);
    assert_counters(&*store).await;
}

pub(crate) async fn kinds_do_not_disturb_the_order(fixture: Fixture) {
    let store = fixture.store().await;
    let batch: Vec<NewTask> = (0..40_u8)
        .map(|number| NewTask {
            kind: format!("kind-{}", number % 7),
            priority: 1 + (number * 3) % 5,
            ..task()
        })
        .collect();
    let mut expected: Vec<_> = batch.iter().map(|task| (task.priority, task.id, task.kind.clone())).collect();
    expected.sort();
    store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    let some = ClaimDemand { kinds: vec!["kind-3".to_owned(), "kind-5".to_owned()], ..demand("default", 4) };
    for demand in [demand("default", 6), some, demand("default", 6), demand("default", 40)] {
        let fits = |kind: &String| demand.kinds.is_empty() || demand.kinds.contains(kind);
        let next: Vec<TaskId> =
            expected.iter().filter(|task| fits(&task.2)).map(|task| task.1).take(demand.max).collect();
        expected.retain(|task| !next.contains(&task.1));
        let claimed = claim_for(&*store, demand).await;
        assert_eq!(claimed.into_iter().map(|task| task.id).collect::<Vec<_>>(), next);
    }
    assert!(expected.is_empty());
}

pub(crate) async fn paused_queue_gives_nothing(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let open = enqueue(&*store, task_in("open")).await.task.id;
    assert!(store.set_paused("default", true).await.expect("pause"));
    let queues = vec!["default".to_owned(), "open".to_owned()];
    let claimed = claim_for(&*store, ClaimDemand { queues, ..demand("", 5) }).await;
    assert_eq!(claimed.iter().map(|task| task.id).collect::<Vec<_>>(), [open]);
    assert!(store.set_paused("default", false).await.expect("resume"));
    assert_eq!(claim(&*store, 5).await.len(), 1);
}

pub(crate) async fn demands_share_what_there_is(fixture: Fixture) {
    let store = fixture.store().await;
    let batch = (0..5).map(|n| NewTask { payload: json(&n.to_string()), ..task() }).collect();
    store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    let second = ClaimDemand { worker_id: "w2".to_owned(), lease: HOUR * 2, ..demand("default", 10) };
    let lists = store.claim(vec![demand("default", 2), second, demand("default", 1)]).await.expect("claim");
    let payloads: Vec<Vec<&str>> =
        lists.iter().map(|tasks| tasks.iter().map(|task| task.payload.get()).collect()).collect();
    assert_eq!(payloads, [vec!["0", "1"], vec!["2", "3", "4"], vec![]]);
    assert!(lists[1].iter().all(|task| task.worker_id.as_deref() == Some("w2")));
    assert!(lists[1][0].lease_expires_at > lists[0][0].lease_expires_at);
    assert_counters(&*store).await;
}

pub(crate) async fn scheduled_task_is_not_claimed(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, NewTask { schedule: Schedule::In(HOUR), ..task() }).await;
    assert!(claim(&*store, 5).await.is_empty());
    // Nor is one that is due but has not been promoted.
    let id = enqueue(&*store, task()).await.task.id;
    let claimed = claim_one(&*store).await;
    settle(&*store, &claimed, SettlementOutcome::Snoozed(Duration::ZERO)).await;
    assert_eq!(get(&*store, id).await.state, TaskState::Scheduled);
    assert!(claim(&*store, 5).await.is_empty());
}

pub(crate) async fn no_task_is_claimed_twice(fixture: Fixture) {
    let store = fixture.store().await;
    let second = fixture.store().await;
    let batch = (0..200).map(|_| task()).collect();
    store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    let claims = (0..40).map(|number| {
        let store = Arc::clone(if number % 2 == 0 { &store } else { &second });
        tokio::spawn(async move { claim(&*store, 7).await })
    });
    let mut seen = BTreeSet::new();
    for claimed in claims.collect::<Vec<_>>() {
        for task in claimed.await.expect("the claim does not panic") {
            assert!(seen.insert(task.id), "{} was claimed twice", task.id);
            assert_eq!(task.lease, 1);
        }
    }
    // Claims that met each other may have left some for the next.
    while seen.len() < 200 {
        let claimed = claim(&*store, 200).await;
        assert!(!claimed.is_empty(), "tasks are missing");
        seen.extend(claimed.into_iter().map(|task| task.id));
    }
    assert_eq!(assert_counters(&*store).await["default"].running, 200);
}
