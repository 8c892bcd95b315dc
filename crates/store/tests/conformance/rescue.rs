//! Ending attempts that are lost.

use std::time::Duration;

use taskward_core::{DeadReason, LastOutcome, Limits, NewTask, TaskState};
use taskward_store::{ClaimDemand, EnqueueMode, SettleError, SettlementOutcome, StoreOptions};

use super::Fixture;
use super::build::{
    HOUR, assert_counters, claim, claim_expired, claim_for, claim_one, demand, enqueue, get, promote, report,
    rescue, task, task_in, try_settle,
};

pub(crate) async fn lost_lease_makes_the_task_available(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_expired(&*store).await;
    let rescued = rescue(&*store, 1).await.remove(0);
    assert_eq!((rescued.id, rescued.state), (claimed.id, TaskState::Available));
    assert_eq!((rescued.queue.as_str(), rescued.kind.as_str()), ("default", "work"));
    assert_eq!((rescued.error.kind.as_str(), rescued.error.attempt), ("lease_expired", 1));
    assert!(rescued.error.message.contains("w1"), "{}", rescued.error.message);
    let read = get(&*store, claimed.id).await;
    assert_eq!((read.attempt, read.crashes, read.lease), (1, 1, 1));
    assert_eq!((read.last_outcome, read.lease_expires_at), (Some(LastOutcome::Expired), None));
    assert_eq!(read.errors, [rescued.error]);
    assert!(read.run_at > claimed.run_at, "it waits behind what is there already");
    assert_counters(&*store).await;
    assert_eq!(claim_one(&*store).await.lease, 2);
}

pub(crate) async fn task_past_its_timeout_has_failed(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, NewTask { timeout: Duration::from_millis(1), ..task() }).await;
    let claimed = claim_one(&*store).await;
    let rescued = rescue(&*store, 1).await.remove(0);
    assert_eq!((rescued.state, rescued.error.kind.as_str()), (TaskState::Scheduled, "timeout"));
    assert_eq!(rescued.error.message, "attempt 1 ran longer than its timeout of 1ms");
    let read = get(&*store, claimed.id).await;
    assert_eq!((read.attempt, read.crashes), (1, 0));
    assert_eq!(read.last_outcome, Some(LastOutcome::TimedOut));
    assert_counters(&*store).await;
    promote(&*store, 1).await;
    // The worker comes back too late.
    let late = report(&claimed, SettlementOutcome::Completed(None));
    assert_eq!(try_settle(&*store, late).await, Err(SettleError::LeaseLost));
}

/// Whether only the earlier end has passed by the time of the rescue, or both, the answer is the same.
pub(crate) async fn earlier_end_counts(fixture: Fixture) {
    let store = fixture.store().await;
    let millisecond = Duration::from_millis(1);
    for (lease, timeout, kind) in
        [(Duration::ZERO, millisecond, "lease_expired"), (millisecond, Duration::ZERO, "timeout")]
    {
        let id = enqueue(&*store, NewTask { timeout, ..task() }).await.task.id;
        claim_for(&*store, ClaimDemand { lease, ..demand("default", 1) }).await;
        // A transaction in between, so that both have usually passed.
        enqueue(&*store, task_in("other")).await;
        let rescued = rescue(&*store, 1).await.remove(0);
        assert_eq!((rescued.id, rescued.error.kind.as_str()), (id, kind));
        store.cancel(vec![id]).await.expect("cancel").remove(0).expect("cancelled");
    }
}

pub(crate) async fn third_crash_is_a_crash_loop(fixture: Fixture) {
    let store = fixture.store().await;
    let id = enqueue(&*store, task()).await.task.id;
    for crash in 1..=3 {
        claim_expired(&*store).await;
        let rescued = rescue(&*store, 1).await.remove(0);
        let expected = if crash < 3 { TaskState::Available } else { TaskState::Dead };
        assert_eq!((rescued.id, rescued.state), (id, expected));
    }
    let read = get(&*store, id).await;
    assert_eq!((read.dead_reason, read.crashes), (Some(DeadReason::CrashLoop), 3));
    assert_eq!(read.errors.len(), 3);
    assert_counters(&*store).await;
}

pub(crate) async fn only_attempt_is_never_repeated(fixture: Fixture) {
    let limits = Limits { crashes_max: 100, ..Limits::default() };
    let store = fixture.store_with(StoreOptions { limits, ..StoreOptions::default() }).await;
    let id = enqueue(&*store, NewTask { max_attempts: 1, ..task() }).await.task.id;
    claim_expired(&*store).await;
    assert_eq!(rescue(&*store, 1).await[0].state, TaskState::Dead);
    assert_eq!(get(&*store, id).await.dead_reason, Some(DeadReason::AttemptsExhausted));
    assert!(claim(&*store, 1).await.is_empty());
}

pub(crate) async fn cancelled_task_is_not_tried_again(fixture: Fixture) {
    let store = fixture.store().await;
    let id = enqueue(&*store, task()).await.task.id;
    claim_expired(&*store).await;
    store.cancel(vec![id]).await.expect("cancel").remove(0).expect("asked to stop");
    assert_eq!(rescue(&*store, 1).await[0].state, TaskState::Cancelled);
    assert_counters(&*store).await;
}

pub(crate) async fn held_lease_is_left_alone(fixture: Fixture) {
    let store = fixture.store().await;
    let empty = store.rescue_expired(10).await.expect("rescue");
    assert_eq!((empty.tasks.len(), empty.next_expiry_in), (0, None));
    enqueue(&*store, task()).await;
    claim_one(&*store).await;
    let round = store.rescue_expired(10).await.expect("rescue");
    assert!(round.tasks.is_empty());
    let next = round.next_expiry_in.expect("one is running");
    assert!(next <= HOUR && next > HOUR / 2, "{next:?}");
}

pub(crate) async fn limit_is_kept(fixture: Fixture) {
    let store = fixture.store().await;
    let batch = (0..5).map(|_| task()).collect();
    store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    let lease = Duration::ZERO;
    assert_eq!(claim_for(&*store, ClaimDemand { lease, ..demand("default", 5) }).await.len(), 5);
    let first = store.rescue_expired(3).await.expect("rescue");
    assert_eq!((first.tasks.len(), first.next_expiry_in), (3, Some(Duration::ZERO)));
    let second = store.rescue_expired(3).await.expect("rescue");
    assert_eq!((second.tasks.len(), second.next_expiry_in), (2, None));
    assert_counters(&*store).await;
}
