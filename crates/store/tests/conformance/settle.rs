//! Workers' reports.

use std::time::Duration;

use taskward_core::{DeadReason, LastOutcome, Limits, NewTask, Task, TaskId, TaskState};
use taskward_store::{Failure, SettleError, Settlement, SettlementOutcome, StoreOptions};

use super::Fixture;
use super::build::{
    HOUR, assert_counters, claim, claim_expired, claim_one, enqueue, failure, get, json, promote, report,
    rescue, settle, task, try_settle,
};

fn completed(text: &str) -> SettlementOutcome {
    SettlementOutcome::Completed(Some(json(text)))
}

fn failed(message: &str) -> SettlementOutcome {
    SettlementOutcome::Failed(failure(message))
}

pub(crate) async fn completed_task_is_finished_with_its_result(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    let settled = settle(&*store, &claimed, completed("{\"ok\": true}")).await;
    assert_eq!((settled.state, settled.attempt, settled.repeated), (TaskState::Completed, 1, false));
    assert_eq!((settled.queue.as_str(), settled.kind.as_str()), ("default", "work"));
    assert!(settled.ran_for.is_some());
    let read = get(&*store, claimed.id).await;
    assert_eq!(read.state, TaskState::Completed);
    assert_eq!(read.result.expect("a result").get(), "{\"ok\": true}");
    assert_eq!((read.lease, read.attempt, read.last_outcome), (1, 1, Some(LastOutcome::Completed)));
    assert_eq!((read.lease_expires_at, read.worker_id.as_deref()), (None, Some("w1")));
    assert!(read.finished_at >= read.started_at && read.started_at.is_some());
    assert_eq!((read.payload.get(), read.run_at), (claimed.payload.get(), claimed.run_at));
    assert_counters(&*store).await;
}

pub(crate) async fn repeated_completion_is_the_same(fixture: Fixture) {
    let store = fixture.store().await;
    for result in [Some("[1,  2]"), None] {
        enqueue(&*store, task()).await;
        let claimed = claim_one(&*store).await;
        settle(&*store, &claimed, SettlementOutcome::Completed(result.map(json))).await;
        let before = get(&*store, claimed.id).await;
        let again = settle(&*store, &claimed, SettlementOutcome::Completed(result.map(json))).await;
        assert_eq!((again.state, again.repeated, again.ran_for), (TaskState::Completed, true, None));
        let after = get(&*store, claimed.id).await;
        assert_eq!(format!("{after:?}"), format!("{before:?}"));
    }
    assert_counters(&*store).await;
}

pub(crate) async fn completion_with_another_result_is_refused(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    settle(&*store, &claimed, completed("1")).await;
    for outcome in [
        completed("2"),
        SettlementOutcome::Completed(None),
        failed("no"),
        SettlementOutcome::Released,
        SettlementOutcome::Snoozed(HOUR),
    ] {
        assert_eq!(try_settle(&*store, report(&claimed, outcome)).await, Err(SettleError::LeaseLost));
    }
    assert_eq!(get(&*store, claimed.id).await.result.expect("a result").get(), "1");
    assert_counters(&*store).await;
}

pub(crate) async fn unknown_task_is_not_found(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    let unknown = Settlement { id: TaskId::generate(), ..report(&claimed, completed("1")) };
    let results = store.settle(vec![unknown, report(&claimed, completed("1"))]).await.expect("settle");
    assert_eq!(results[0], Err(SettleError::NotFound));
    assert!(results[1].is_ok(), "the others in the batch are not held up");
}

pub(crate) async fn failed_task_is_tried_again(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    let said = Failure { trace: Some("line 1".to_owned()), ..failure("it broke") };
    let settled = settle(&*store, &claimed, SettlementOutcome::Failed(said)).await;
    assert_eq!((settled.state, settled.attempt), (TaskState::Scheduled, 1));
    let read = get(&*store, claimed.id).await;
    assert_eq!((read.state, read.attempt, read.lease), (TaskState::Scheduled, 1, 1));
    assert_eq!((read.last_outcome, read.lease_expires_at), (Some(LastOutcome::Failed), None));
    let [error] = read.errors.as_slice() else { panic!("one error, not {:?}", read.errors) };
    assert_eq!((error.attempt, error.kind.as_str(), error.message.as_str()), (1, "Boom", "it broke"));
    assert_eq!((error.trace.as_deref(), error.worker_id.as_deref()), (Some("line 1"), Some("w1")));
    assert_counters(&*store).await;
    promote(&*store, 1).await;
    let again = claim_one(&*store).await;
    assert_eq!((again.id, again.attempt, again.lease, again.errors.len()), (claimed.id, 2, 2, 1));
    assert_counters(&*store).await;
}

pub(crate) async fn worker_decides_when_to_try_again(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    let later = Failure { retry_after: Some(HOUR), ..failure("busy") };
    settle(&*store, &claimed, SettlementOutcome::Failed(later)).await;
    let read = get(&*store, claimed.id).await;
    let recorded_at = read.errors[0].at;
    assert_eq!(read.run_at.duration_since(recorded_at).unsigned_abs(), HOUR);
    assert_eq!(store.promote_due(10).await.expect("promote").count, 0);
}

pub(crate) async fn failure_that_is_not_retryable_kills(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    let useless = Failure { retryable: false, retry_after: Some(HOUR), ..failure("no") };
    let settled = settle(&*store, &claimed, SettlementOutcome::Failed(useless)).await;
    assert_eq!(settled.state, TaskState::Dead);
    let read = get(&*store, claimed.id).await;
    assert_eq!((read.state, read.dead_reason), (TaskState::Dead, Some(DeadReason::NotRetryable)));
    assert!(read.finished_at.is_some());
    assert_eq!(read.errors.len(), 1);
    assert_counters(&*store).await;
}

pub(crate) async fn last_attempt_kills(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, NewTask { max_attempts: 2, ..task() }).await;
    let first = claim_one(&*store).await;
    assert_eq!(settle(&*store, &first, failed("1")).await.state, TaskState::Scheduled);
    promote(&*store, 1).await;
    let second = claim_one(&*store).await;
    assert_eq!(settle(&*store, &second, failed("2")).await.state, TaskState::Dead);
    let read = get(&*store, first.id).await;
    assert_eq!(read.dead_reason, Some(DeadReason::AttemptsExhausted));
    let messages: Vec<_> = read.errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(messages, ["1", "2"]);
    assert_counters(&*store).await;
}

pub(crate) async fn repeated_failure_is_the_same(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    settle(&*store, &claimed, failed("it broke")).await;
    let again = settle(&*store, &claimed, failed("it broke")).await;
    assert!(again.repeated && again.ran_for.is_none());
    promote(&*store, 1).await;
    assert!(settle(&*store, &claimed, failed("it broke")).await.repeated, "also once it waits again");
    let other = report(&claimed, failed("it broke otherwise"));
    assert_eq!(try_settle(&*store, other).await, Err(SettleError::LeaseLost));
    assert_eq!(get(&*store, claimed.id).await.errors.len(), 1);
    assert_counters(&*store).await;
}

pub(crate) async fn snoozed_task_keeps_its_attempt(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, NewTask { max_attempts: 1, ..task() }).await;
    let claimed = claim_one(&*store).await;
    let settled = settle(&*store, &claimed, SettlementOutcome::Snoozed(HOUR)).await;
    assert_eq!((settled.state, settled.attempt), (TaskState::Scheduled, 1));
    let read = get(&*store, claimed.id).await;
    assert_eq!((read.attempt, read.lease, read.last_outcome), (0, 1, Some(LastOutcome::Snoozed)));
    assert!(read.errors.is_empty());
    let wait = read.run_at.duration_since(claimed.started_at.expect("it ran")).unsigned_abs();
    assert!(wait >= HOUR, "the delay counts from the report");
    assert!(settle(&*store, &claimed, SettlementOutcome::Snoozed(HOUR)).await.repeated);
    assert_counters(&*store).await;
}

pub(crate) async fn released_task_is_available_at_once(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, NewTask { max_attempts: 1, ..task() }).await;
    let claimed = claim_one(&*store).await;
    let settled = settle(&*store, &claimed, SettlementOutcome::Released).await;
    assert_eq!(settled.state, TaskState::Available);
    assert!(settle(&*store, &claimed, SettlementOutcome::Released).await.repeated);
    assert_counters(&*store).await;
    let again = claim_one(&*store).await;
    assert_eq!((again.attempt, again.lease), (1, 2));
    assert!(again.run_at > claimed.run_at, "it waits behind what is there already");
    assert_counters(&*store).await;
}

pub(crate) async fn second_report_in_a_batch_sees_the_first(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    let reports = [completed("1"), completed("1"), failed("no"), completed("2")]
        .map(|outcome| report(&claimed, outcome));
    let results = store.settle(reports.to_vec()).await.expect("settle");
    let seen: Vec<_> = results.iter().map(|result| result.as_ref().map(|done| done.repeated)).collect();
    let lost = SettleError::LeaseLost;
    assert_eq!(seen, [Ok(false), Ok(true), Err(&lost), Err(&lost)]);
    assert_counters(&*store).await;
}

pub(crate) async fn stale_lease_changes_nothing(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let stale = claim_expired(&*store).await;
    rescue(&*store, 1).await;
    let held = claim_one(&*store).await;
    assert_eq!((held.id, held.lease), (stale.id, 2));
    for lease in [stale.lease, 0, 3] {
        for outcome in [
            completed("1"),
            failed("no"),
            SettlementOutcome::Snoozed(Duration::ZERO),
            SettlementOutcome::Released,
        ] {
            let stale = Settlement { id: stale.id, lease, outcome };
            assert_eq!(try_settle(&*store, stale).await, Err(SettleError::LeaseLost));
        }
    }
    let read = get(&*store, held.id).await;
    assert_eq!(format!("{read:?}"), format!("{held:?}"));
    assert!(!settle(&*store, &held, completed("1")).await.repeated, "the lease's holder is not disturbed");
    assert_counters(&*store).await;
}

pub(crate) async fn lease_grows_through_everything(fixture: Fixture) {
    let store = fixture.store().await;
    let id = enqueue(&*store, task()).await.task.id;
    let dead = Failure { retryable: false, ..failure("dead") };
    let ends = [
        SettlementOutcome::Snoozed(Duration::ZERO),
        SettlementOutcome::Released,
        failed("again"),
        SettlementOutcome::Failed(dead),
        SettlementOutcome::Released,
    ];
    let mut leases = Vec::new();
    for end in ends {
        let claimed: Task = claim_one(&*store).await;
        assert_eq!(claimed.id, id);
        leases.push(claimed.lease);
        match settle(&*store, &claimed, end).await.state {
            TaskState::Scheduled => promote(&*store, 1).await,
            TaskState::Dead => drop(store.retry(vec![id]).await.expect("retry").remove(0).expect("dead")),
            _ => {}
        }
    }
    claim_expired(&*store).await;
    rescue(&*store, 1).await;
    leases.push(claim_one(&*store).await.lease);
    assert_eq!(leases, [1, 2, 3, 4, 5, 7]);
    assert_counters(&*store).await;
}

pub(crate) async fn newest_errors_are_kept(fixture: Fixture) {
    let limits = Limits { errors_kept: 3, ..Limits::default() };
    let store = fixture.store_with(StoreOptions { limits, ..StoreOptions::default() }).await;
    let id = enqueue(&*store, task()).await.task.id;
    for number in 1..=5 {
        let claimed = claim_one(&*store).await;
        settle(&*store, &claimed, failed(&number.to_string())).await;
        promote(&*store, 1).await;
    }
    let read = get(&*store, id).await;
    let messages: Vec<_> = read.errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(messages, ["3", "4", "5"]);
}

pub(crate) async fn report_after_cancellation_finishes(fixture: Fixture) {
    let store = fixture.store().await;
    for outcome in [failed("stopped"), SettlementOutcome::Released, SettlementOutcome::Snoozed(HOUR)] {
        enqueue(&*store, task()).await;
        let claimed = claim_one(&*store).await;
        store.cancel(vec![claimed.id]).await.expect("cancel").remove(0).expect("asked to stop");
        let settled = settle(&*store, &claimed, outcome).await;
        assert_eq!(settled.state, TaskState::Cancelled);
        let read = get(&*store, claimed.id).await;
        assert_eq!((read.state, read.attempt), (TaskState::Cancelled, 1));
        assert!(read.finished_at.is_some());
    }
    assert_counters(&*store).await;
}

pub(crate) async fn work_completed_in_spite_of_cancellation_is_completed(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    store.cancel(vec![claimed.id]).await.expect("cancel").remove(0).expect("asked to stop");
    assert_eq!(settle(&*store, &claimed, completed("1")).await.state, TaskState::Completed);
    assert!(claim(&*store, 1).await.is_empty());
    assert_counters(&*store).await;
}
