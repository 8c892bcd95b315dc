//! Short ways to make tasks, demands and reports.

use std::time::Duration;

use serde_json::value::RawValue;
use taskward_core::{Json, NewTask, OnConflict, RetryPolicy, Schedule, Task, TaskId, UniqueKey};
use taskward_store::{ClaimDemand, EnqueueMode, Enqueued, Failure, Settlement, SettlementOutcome, Store};

/// Longer than any test runs.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// JSON from its text.
pub(crate) fn json(text: &str) -> Json {
    RawValue::from_string(text.to_owned()).expect("the test's JSON is valid")
}

/// A task of kind `work` in queue `default`, due now, that retries at once and without jitter.
pub(crate) fn task() -> NewTask {
    NewTask {
        id: TaskId::generate(),
        kind: "work".to_owned(),
        queue: "default".to_owned(),
        payload: json(r#"{"n":1}"#),
        priority: 5,
        schedule: Schedule::Now,
        timeout: HOUR,
        max_attempts: 10,
        retry: RetryPolicy { initial: Duration::ZERO, factor: 1.0, max: HOUR, jitter: 0.0 },
        unique: None,
        tags: Vec::new(),
        metadata: None,
        idempotency: None,
    }
}

/// The same in another queue.
pub(crate) fn task_in(queue: &str) -> NewTask {
    NewTask { queue: queue.to_owned(), ..task() }
}

/// The same with a unique key.
pub(crate) fn unique_task(key: &str, on_conflict: OnConflict) -> NewTask {
    NewTask { unique: Some(UniqueKey { key: key.to_owned(), on_conflict }), ..task() }
}

/// Creates one task, which must succeed.
pub(crate) async fn enqueue(store: &dyn Store, task: NewTask) -> Enqueued {
    let mut results = store.enqueue(vec![task], EnqueueMode::Each).await.expect("enqueue");
    assert_eq!(results.len(), 1);
    results.remove(0).expect("the task is accepted")
}

/// A demand of worker `w1` for `max` tasks of one queue, leased for an hour.
pub(crate) fn demand(queue: &str, max: usize) -> ClaimDemand {
    ClaimDemand {
        worker_id: "w1".to_owned(),
        queues: vec![queue.to_owned()],
        kinds: Vec::new(),
        max,
        lease: HOUR,
    }
}

/// Claims up to `max` tasks of queue `default`.
pub(crate) async fn claim(store: &dyn Store, max: usize) -> Vec<Task> {
    claim_for(store, demand("default", max)).await
}

/// Claims for one demand.
pub(crate) async fn claim_for(store: &dyn Store, demand: ClaimDemand) -> Vec<Task> {
    let mut lists = store.claim(vec![demand]).await.expect("claim");
    assert_eq!(lists.len(), 1);
    lists.remove(0)
}

/// Claims the one task there is.
pub(crate) async fn claim_one(store: &dyn Store) -> Task {
    let mut tasks = claim(store, 1).await;
    assert_eq!(tasks.len(), 1, "a task is available");
    tasks.remove(0)
}

/// Claims the one task there is under a lease that is over at once.
pub(crate) async fn claim_expired(store: &dyn Store) -> Task {
    let mut tasks = claim_for(store, ClaimDemand { lease: Duration::ZERO, ..demand("default", 1) }).await;
    assert_eq!(tasks.len(), 1, "a task is available");
    tasks.remove(0)
}

/// Reads a task that must exist.
pub(crate) async fn get(store: &dyn Store, id: TaskId) -> Task {
    store.get(vec![id]).await.expect("get").remove(0).expect("the task exists")
}

/// A report on a task under the lease it was claimed with.
pub(crate) fn report(task: &Task, outcome: SettlementOutcome) -> Settlement {
    Settlement { id: task.id, lease: task.lease, outcome }
}

/// A retryable failure without wishes.
pub(crate) fn failure(message: &str) -> Failure {
    Failure {
        kind: "Boom".to_owned(),
        message: message.to_owned(),
        trace: None,
        retryable: true,
        retry_after: None,
    }
}
