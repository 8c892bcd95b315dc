//! Who works.

use std::time::Duration;

use taskward_store::WorkerSeen;

use super::Fixture;
use super::build::{HOUR, claim, enqueue, task};

fn seen(worker_id: &str, ago: Duration) -> WorkerSeen {
    WorkerSeen {
        worker_id: worker_id.to_owned(),
        queues: vec!["default".to_owned(), "x".to_owned()],
        instance: "i1".to_owned(),
        ago,
    }
}

pub(crate) async fn workers_seen_lately_are_listed(fixture: Fixture) {
    let store = fixture.store().await;
    store
        .record_workers(vec![seen("b", Duration::ZERO), seen("a", HOUR), seen("c", HOUR * 3)])
        .await
        .expect("record");
    let workers = store.workers(HOUR * 2).await.expect("workers");
    let names: Vec<_> = workers.iter().map(|worker| worker.worker_id.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(workers[0].queues, ["default", "x"]);
    assert_eq!(workers[0].instance.as_deref(), Some("i1"));
    assert!(workers[0].last_seen_at < workers[1].last_seen_at);
    assert!(workers[0].running.is_empty());
}

pub(crate) async fn holders_are_listed_however_long_ago_they_asked(fixture: Fixture) {
    let store = fixture.store().await;
    let first = enqueue(&*store, task()).await.task.id;
    let second = enqueue(&*store, task()).await.task.id;
    claim(&*store, 1).await;
    claim(&*store, 1).await;
    let workers = store.workers(Duration::ZERO).await.expect("workers");
    let [holder] = workers.as_slice() else { panic!("one worker in {workers:?}") };
    assert_eq!((holder.worker_id.as_str(), &holder.instance), ("w1", &None));
    assert_eq!(holder.running, [first, second], "oldest lease first");
    store.record_workers(vec![seen("w1", HOUR)]).await.expect("record");
    let workers = store.workers(Duration::ZERO).await.expect("workers");
    let [holder] = workers.as_slice() else { panic!("one worker in {workers:?}") };
    assert_eq!((holder.instance.as_deref(), holder.running.len()), (Some("i1"), 2));
    assert!(holder.last_seen_at.is_some());
}

pub(crate) async fn late_report_does_not_replace_a_newer_one(fixture: Fixture) {
    let store = fixture.store().await;
    store.record_workers(vec![seen("a", Duration::ZERO)]).await.expect("record");
    let newest = store.workers(HOUR).await.expect("workers");
    let late = WorkerSeen { instance: "i2".to_owned(), ..seen("a", Duration::from_secs(60)) };
    store.record_workers(vec![late]).await.expect("record");
    assert_eq!(store.workers(HOUR).await.expect("workers"), newest);
}
