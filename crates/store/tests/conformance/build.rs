//! Short ways to make tasks, demands and reports.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::value::RawValue;
use taskward_core::{Json, NewTask, OnConflict, RetryPolicy, Schedule, Task, TaskId, UniqueKey};
use taskward_store::{
    ClaimDemand, EnqueueMode, Enqueued, Failure, PageRequest, QueueSummary, RescuedTask, SettleError,
    Settled, Settlement, SettlementOutcome, Store, TaskFilter,
};

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
        trace_context: None,
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

/// Settles one report, which must be applied.
pub(crate) async fn settle(store: &dyn Store, task: &Task, outcome: SettlementOutcome) -> Settled {
    try_settle(store, report(task, outcome)).await.expect("the report is applied")
}

/// Settles one report.
pub(crate) async fn try_settle(store: &dyn Store, report: Settlement) -> Result<Settled, SettleError> {
    let mut results = store.settle(vec![report]).await.expect("settle");
    assert_eq!(results.len(), 1);
    results.remove(0)
}

/// Creates a task, claims it and fails it for good.
pub(crate) async fn make_dead(store: &dyn Store, new: NewTask) -> TaskId {
    let id = enqueue(store, new).await.task.id;
    let claimed = claim_one(store).await;
    assert_eq!(claimed.id, id, "nothing else is available");
    let failure = Failure { retryable: false, ..failure("for good") };
    settle(store, &claimed, SettlementOutcome::Failed(failure)).await;
    id
}

/// Waits for as long as the store says it takes until the next thing is due, which must be soon.
pub(crate) async fn wait(next: Option<Duration>) {
    let next = next.expect("something is to come");
    assert!(next < Duration::from_secs(10), "what is to come is {next:?} away");
    tokio::time::sleep(next).await;
}

/// Promotes until `count` tasks were due, waiting as long as the store says it takes.
pub(crate) async fn promote(store: &dyn Store, count: usize) {
    let mut promoted = 0;
    while promoted < count {
        let round = store.promote_due(100).await.expect("promote_due");
        promoted += round.count;
        if promoted < count {
            wait(round.next_due_in).await;
        }
    }
}

/// Rescues until `count` attempts have ended, waiting as long as the store says it takes.
pub(crate) async fn rescue(store: &dyn Store, count: usize) -> Vec<RescuedTask> {
    let mut rescued = Vec::new();
    while rescued.len() < count {
        let round = store.rescue_expired(100).await.expect("rescue_expired");
        rescued.extend(round.tasks);
        if rescued.len() < count {
            wait(round.next_expiry_in).await;
        }
    }
    rescued
}

/// Everything there is, newest first.
pub(crate) async fn list_all(store: &dyn Store, filter: &TaskFilter, limit: usize) -> Vec<Task> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let page = store.list(filter.clone(), PageRequest { limit, before }).await.expect("list");
        assert!(page.tasks.len() <= limit);
        all.extend(page.tasks);
        before = page.next;
        if before.is_none() {
            return all;
        }
    }
}

/// Checks that the kept counters are what counting gives, as long as nothing was pruned. Returns them by
/// queue.
pub(crate) async fn assert_counters(store: &dyn Store) -> BTreeMap<String, QueueSummary> {
    let mut counted = BTreeMap::<String, [u64; 6]>::new();
    for task in list_all(store, &TaskFilter::default(), 1000).await {
        counted.entry(task.queue).or_default()[task.state as usize] += 1;
    }
    let mut kept = BTreeMap::new();
    for queue in store.queues().await.expect("queues") {
        let states =
            [queue.scheduled, queue.available, queue.running, queue.completed, queue.cancelled, queue.dead];
        let expected = counted.remove(&queue.name).unwrap_or_default();
        assert_eq!(states, expected, "counters of {}", queue.name);
        assert_eq!(queue.created, expected.iter().sum::<u64>(), "created in {}", queue.name);
        kept.insert(queue.name.clone(), queue);
    }
    assert!(counted.is_empty(), "queues that are not counted: {counted:?}");
    kept
}
