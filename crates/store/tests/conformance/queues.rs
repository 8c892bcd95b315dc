//! Queues and their counters.

use std::time::Duration;

use taskward_core::{NewTask, Schedule};
use taskward_store::SettlementOutcome;

use super::Fixture;
use super::build::{
    HOUR, assert_counters, claim, claim_expired, claim_one, enqueue, failure, make_dead, rescue, settle,
    task, task_in,
};

pub(crate) async fn no_queues_in_a_fresh_database(fixture: Fixture) {
    let store = fixture.store().await;
    assert!(store.queues().await.expect("queues").is_empty());
}

pub(crate) async fn counters_equal_a_recount(fixture: Fixture) {
    let store = fixture.store().await;
    let dead = make_dead(&*store, task()).await;
    for _ in 0..4 {
        enqueue(&*store, task()).await;
        enqueue(&*store, NewTask { schedule: Schedule::In(HOUR), ..task_in("later") }).await;
    }
    let claimed = claim(&*store, 2).await;
    settle(&*store, &claimed[0], SettlementOutcome::Completed(None)).await;
    settle(&*store, &claimed[1], SettlementOutcome::Failed(failure("no"))).await;
    claim_expired(&*store).await;
    rescue(&*store, 1).await;
    store.retry(vec![dead]).await.expect("retry").remove(0).expect("brought back");
    store.cancel(vec![claimed[1].id]).await.expect("cancel").remove(0).expect("cancelled");
    let counters = assert_counters(&*store).await;
    let default = &counters["default"];
    assert_eq!((default.created, default.available, default.completed), (5, 3, 1));
    assert_eq!((default.cancelled, default.dead, default.running), (1, 0, 0));
    assert_eq!((counters["later"].scheduled, counters["later"].created), (4, 4));
}

pub(crate) async fn queue_can_be_paused_before_it_has_tasks(fixture: Fixture) {
    let store = fixture.store().await;
    assert!(!store.set_paused("early", false).await.expect("resume"), "it was not paused");
    assert!(store.set_paused("early", true).await.expect("pause"));
    assert!(!store.set_paused("early", true).await.expect("pause"), "it was paused already");
    let listed = store.queues().await.expect("queues");
    let [early] = listed.iter().filter(|queue| queue.paused).collect::<Vec<_>>()[..] else {
        panic!("one paused queue in {listed:?}")
    };
    assert_eq!((early.name.as_str(), early.created, early.oldest_available), ("early", 0, None));
    assert!(store.set_paused("early", false).await.expect("resume"));
    assert!(store.queues().await.expect("queues").iter().all(|queue| !queue.paused));
}

pub(crate) async fn oldest_available_task_is_found_in_any_priority(fixture: Fixture) {
    let store = fixture.store().await;
    let oldest = async || {
        let queues = store.queues().await.expect("queues");
        queues.into_iter().find(|queue| queue.name == "default").and_then(|queue| queue.oldest_available)
    };
    enqueue(&*store, NewTask { schedule: Schedule::In(HOUR), ..task() }).await;
    assert_eq!(oldest().await, None);
    enqueue(&*store, NewTask { priority: 9, ..task() }).await;
    let first = oldest().await.expect("one is available");
    enqueue(&*store, NewTask { priority: 1, ..task() }).await;
    let later = oldest().await.expect("two are available");
    assert!(later >= first && later < Duration::from_secs(60), "{first:?} {later:?}");
    claim_one(&*store).await;
    assert!(oldest().await >= Some(later), "the older one is still there");
    claim_one(&*store).await;
    assert_eq!(oldest().await, None);
}
