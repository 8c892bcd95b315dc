//! Doing the steps of a history, in the store and in the model.

use std::collections::BTreeSet;
use std::time::Duration;

use taskward_core::{Event, NewTask, OnConflict, Outcome, Schedule, TaskId, TaskState};
use taskward_store::{
    ClaimDemand, EnqueueError, EnqueueMode, Failure, Heartbeat, HeartbeatError, OperateError, Origin,
    SettleError, Settlement, SettlementOutcome, Store,
};

use super::steps::{LeasePick, Report, Step, Template, kind_name, new_task};
use super::world::{ModelTask, World};
use crate::conformance::build::{HOUR, assert_counters, demand, json, wait};

/// What the model expects of an enqueued item.
type Made = Result<(TaskId, Origin), EnqueueError>;

/// Follows a history, and compares after each step.
pub(super) async fn follow(store: &dyn Store, history: &[Step]) {
    let mut world = World::default();
    for (number, step) in history.iter().enumerate() {
        apply(store, &mut world, step).await;
        compare(store, &mut world).await;
        if number % 10 == 9 {
            assert_counters(store).await;
        }
    }
    assert_counters(store).await;
}

async fn apply(store: &dyn Store, world: &mut World, step: &Step) {
    match step {
        Step::Enqueue { tasks, atomic } => enqueue(store, world, tasks, *atomic).await,
        Step::Claim { worker, kind, max, over } => {
            let lease = if *over { Duration::ZERO } else { HOUR };
            let kinds = kind.map(kind_name).into_iter().collect();
            let worker_id = format!("w{worker}");
            claim(store, world, ClaimDemand { worker_id, kinds, lease, ..demand("default", *max) }).await;
        }
        Step::Heartbeat { picks } => heartbeat(store, world, picks).await,
        Step::Settle { reports } => settle(store, world, reports).await,
        Step::Cancel { picks } => cancel(store, world, picks).await,
        Step::Retry { picks } => retry(store, world, picks).await,
        Step::Promote => promote(store, world).await,
        Step::Rescue => rescue(store, world).await,
    }
}

/// No task is lost, and each is as the model says.
async fn compare(store: &dyn Store, world: &mut World) {
    let ids: Vec<TaskId> = world.tasks.keys().copied().collect();
    let stored = store.get(ids.clone()).await.expect("get");
    for (id, stored) in ids.into_iter().zip(stored) {
        world.task(id).check(&stored.expect("the task is stored"));
    }
}

async fn enqueue(store: &dyn Store, world: &mut World, templates: &[Template], atomic: bool) {
    let tasks: Vec<NewTask> = templates.iter().map(new_task).collect();
    let before = world.clone();
    let mut expected: Vec<Made> = tasks.iter().map(|task| create(world, task)).collect();
    if atomic && expected.iter().any(Result::is_err) {
        *world = before;
        for made in &mut expected {
            *made = made.and(Err(EnqueueError::Aborted));
        }
    }
    let mode = if atomic { EnqueueMode::Atomic } else { EnqueueMode::Each };
    let results = store.enqueue(tasks, mode).await.expect("enqueue");
    let made: Vec<Made> =
        results.into_iter().map(|item| item.map(|made| (made.task.id, made.origin))).collect();
    assert_eq!(made, expected);
}

fn create(world: &mut World, new: &NewTask) -> Made {
    if let Some(key) = &new.idempotency
        && let Some((fingerprint, id)) = world.keys.get(&key.key)
    {
        let same = *fingerprint == key.fingerprint;
        return if same { Ok((*id, Origin::Replayed)) } else { Err(EnqueueError::IdempotencyKeyReused) };
    }
    let unique = new.unique.as_ref();
    let existing = unique.and_then(|unique| world.holder(&new.kind, &unique.key));
    let made = match existing {
        Some(existing) if unique.is_some_and(|unique| unique.on_conflict == OnConflict::Reject) => {
            return Err(EnqueueError::UniqueConflict { existing });
        }
        Some(existing) => (existing, Origin::Duplicate),
        None => {
            world.tasks.insert(new.id, ModelTask::new(new, new.schedule != Schedule::Now));
            (new.id, Origin::Created)
        }
    };
    if let Some(key) = &new.idempotency {
        world.keys.insert(key.key.clone(), (key.fingerprint, made.0));
    }
    Ok(made)
}

async fn claim(store: &dyn Store, world: &mut World, demand: ClaimDemand) {
    let expected = world.claimable(demand.kinds.first().map(String::as_str), demand.max);
    for id in &expected {
        let task = world.task(*id);
        task.happen(&Event::Claim).expect("an available task can be claimed");
        task.worker_id = Some(demand.worker_id.clone());
        task.lease_over = demand.lease.is_zero();
    }
    let claimed = store.claim(vec![demand]).await.expect("claim").remove(0);
    assert_eq!(claimed.iter().map(|task| task.id).collect::<Vec<_>>(), expected);
}

async fn heartbeat(store: &dyn Store, world: &mut World, picks: &[(usize, LeasePick)]) {
    let (mut beats, mut expected) = (Vec::new(), Vec::new());
    for (number, pick) in picks {
        let Some(id) = world.pick(*number) else { continue };
        let task = world.task(id);
        let lease = lease(task, *pick);
        let held = task.happen(&Event::Heartbeat { lease });
        task.lease_over &= held.is_err();
        beats.push(Heartbeat { id, lease, extend: HOUR, progress: None });
        let asked = task.status.cancel_requested;
        expected.push(held.map(|_| asked).map_err(|_| HeartbeatError::LeaseLost));
    }
    let results = store.heartbeat(beats).await.expect("heartbeat");
    let held: Vec<_> = results.into_iter().map(|held| held.map(|held| held.cancel_requested)).collect();
    assert_eq!(held, expected);
}

async fn settle(store: &dyn Store, world: &mut World, reports: &[(usize, LeasePick, Report)]) {
    let (mut settlements, mut expected) = (Vec::new(), Vec::new());
    for (number, pick, report) in reports {
        let Some(id) = world.pick(*number) else { continue };
        let task = world.task(id);
        let lease = lease(task, *pick);
        expected.push(settle_model(task, lease, report));
        settlements.push(Settlement { id, lease, outcome: outcome(report) });
    }
    let results = store.settle(settlements).await.expect("settle");
    let settled: Vec<_> =
        results.into_iter().map(|done| done.map(|done| (done.state, done.repeated))).collect();
    assert_eq!(settled, expected);
}

fn settle_model(task: &mut ModelTask, lease: i64, report: &Report) -> Result<(TaskState, bool), SettleError> {
    let moved = task.happen(&event(lease, report)).map_err(|_| SettleError::LeaseLost)?;
    if let Outcome::Moved(_) = moved {
        match report {
            Report::Completed(result) => task.result = result.map(|number| number.to_string()),
            Report::Failed { message, .. } => task.add_error("Boom", &message.to_string()),
            Report::Snoozed { .. } | Report::Released => {}
        }
        return Ok((task.status.state, false));
    }
    let same = match report {
        Report::Completed(result) => task.result == result.map(|number| number.to_string()),
        Report::Failed { message, .. } => {
            task.errors.last().is_some_and(|(_, last)| *last == message.to_string())
        }
        Report::Snoozed { .. } | Report::Released => true,
    };
    if same { Ok((task.status.state, true)) } else { Err(SettleError::LeaseLost) }
}

async fn cancel(store: &dyn Store, world: &mut World, picks: &[usize]) {
    let ids: Vec<TaskId> = picks.iter().filter_map(|number| world.pick(*number)).collect();
    let mut expected = Vec::new();
    for id in &ids {
        let task = world.task(*id);
        let refused = OperateError::InvalidState(task.status.state);
        expected.push(task.happen(&Event::Cancel).map(|_| task.status.state).map_err(|_| refused));
    }
    let results = store.cancel(ids).await.expect("cancel");
    assert_eq!(results.into_iter().map(|item| item.map(|task| task.state)).collect::<Vec<_>>(), expected);
}

async fn retry(store: &dyn Store, world: &mut World, picks: &[usize]) {
    let ids: Vec<TaskId> = picks.iter().filter_map(|number| world.pick(*number)).collect();
    let expected: Vec<_> = ids.iter().map(|id| retry_model(world, *id)).collect();
    let results = store.retry(ids).await.expect("retry");
    assert_eq!(results.into_iter().map(|item| item.map(|task| task.state)).collect::<Vec<_>>(), expected);
}

fn retry_model(world: &mut World, id: TaskId) -> Result<TaskState, OperateError> {
    let (state, new) = (world.task(id).status.state, world.task(id).new.clone());
    let existing = new.unique.and_then(|unique| world.holder(&new.kind, &unique.key));
    if let (TaskState::Dead, Some(existing)) = (state, existing) {
        return Err(OperateError::UniqueConflict { existing });
    }
    let task = world.task(id);
    task.happen(&Event::Retry).map_err(|_| OperateError::InvalidState(state))?;
    Ok(task.status.state)
}

async fn promote(store: &dyn Store, world: &mut World) {
    let due = world.matching(|task| task.due);
    for id in &due {
        world.task(*id).happen(&Event::Promote).expect("a due task can be promoted");
    }
    let promoted = store.promote_due(1000).await.expect("promote_due");
    assert_eq!(promoted.count, due.len());
}

/// Time passes, until every lease and attempt that is short is over.
async fn rescue(store: &dyn Store, world: &mut World) {
    let running = |task: &ModelTask| task.status.state == TaskState::Running;
    let lost = world.matching(|task| running(task) && (task.lease_over || has_short_timeout(&task.new)));
    let mut lost: BTreeSet<TaskId> = lost.into_iter().collect();
    while !lost.is_empty() {
        let round = store.rescue_expired(1000).await.expect("rescue_expired");
        for rescued in round.tasks {
            assert!(lost.remove(&rescued.id), "{} was not lost", rescued.id);
            let task = world.task(rescued.id);
            // A lease of no length ends before any timeout.
            let (event, kind) = if task.lease_over {
                (Event::Expire { crashes_max: 3 }, "lease_expired")
            } else {
                (Event::TimeOut, "timeout")
            };
            task.happen(&event).expect("a running task can be lost");
            task.add_error(kind, &rescued.error.message);
            assert_eq!((rescued.state, rescued.error.kind.as_str()), (task.status.state, kind));
        }
        if !lost.is_empty() {
            wait(round.next_expiry_in).await;
        }
    }
}

fn has_short_timeout(new: &NewTask) -> bool {
    new.timeout < HOUR
}

fn lease(task: &ModelTask, pick: LeasePick) -> i64 {
    match pick {
        LeasePick::Latest => task.status.lease,
        LeasePick::Earlier => task.status.lease - 1,
        LeasePick::Later => task.status.lease + 1,
    }
}

fn delay(later: bool) -> Duration {
    if later { HOUR } else { Duration::ZERO }
}

fn event(lease: i64, report: &Report) -> Event {
    match report {
        Report::Completed(_) => Event::Complete { lease },
        Report::Failed { retryable, retry_at_once, .. } => {
            let retry_after = retry_at_once.then_some(Duration::ZERO);
            Event::Fail { lease, retryable: *retryable, retry_after }
        }
        Report::Snoozed { later } => Event::Snooze { lease, delay: delay(*later) },
        Report::Released => Event::Release { lease },
    }
}

fn outcome(report: &Report) -> SettlementOutcome {
    match report {
        Report::Completed(result) => {
            SettlementOutcome::Completed(result.map(|number| json(&number.to_string())))
        }
        Report::Failed { message, retryable, retry_at_once } => SettlementOutcome::Failed(Failure {
            kind: "Boom".to_owned(),
            message: message.to_string(),
            trace: None,
            retryable: *retryable,
            retry_after: retry_at_once.then_some(Duration::ZERO),
        }),
        Report::Snoozed { later } => SettlementOutcome::Snoozed(delay(*later)),
        Report::Released => SettlementOutcome::Released,
    }
}
