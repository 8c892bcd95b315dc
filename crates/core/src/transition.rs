//! The state machine: every transition a task can make, in one pure function.
//!
//! ```text
//!  create ──► scheduled ──promote──► available ──claim──► running ──complete──► completed
//!                 ▲                      ▲                   │
//!                 ├── fail, time-out, snooze ────────────────┤
//!                 │                      └── release, crash ─┤
//!                 │                                          ├── no attempts left, not retryable,
//!                 │                                          │   crash loop ──► dead ──retry──► available
//!                 └── cancel ──► cancelled ◄─────── cancel ──┘
//! ```
//!
//! A report about a lease (heartbeat, complete, fail, snooze, release) counts only while the task is running
//! under exactly that lease. A report that repeats how the latest lease already ended is the same report
//! again; anything else about an earlier lease is refused as [`Refusal::LeaseLost`].
//!
//! A claim's lease is the next number here. In a database that was restored the store goes on from a greater one, so
//! that no lease of the lost time is valid again.
//!
//! Cancelling a running task asks its worker to stop: the task stays running, under its lease, until the
//! worker reports or loses the lease. Work that was completed nevertheless is completed.

use std::time::Duration;

use crate::{DeadReason, LastOutcome, RetryPolicy, TaskState};

/// What a decision needs to know of a task.
#[derive(Debug, Clone)]
pub struct TaskStatus {
    /// Where it stands.
    pub state: TaskState,
    /// The number of its latest lease.
    pub lease: i64,
    /// How that lease ended.
    pub last_outcome: Option<LastOutcome>,
    /// Attempts begun and not given back.
    pub attempt: u32,
    /// Attempts it gets.
    pub max_attempts: u32,
    /// Attempts whose lease was lost.
    pub crashes: u32,
    /// Somebody asked it to stop.
    pub cancel_requested: bool,
    /// When a failed attempt is tried again.
    pub retry: RetryPolicy,
}

/// Something that happens to a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// `run_at` has come.
    Promote,
    /// A worker takes it.
    Claim,
    /// The lease's holder extends it.
    Heartbeat {
        /// The lease's number.
        lease: i64,
    },
    /// The lease's holder reports success.
    Complete {
        /// The lease's number.
        lease: i64,
    },
    /// The lease's holder reports a failure.
    Fail {
        /// The lease's number.
        lease: i64,
        /// Whether trying again could help.
        retryable: bool,
        /// When to try again; wins over the retry policy.
        retry_after: Option<Duration>,
    },
    /// The lease's holder puts the task off.
    Snooze {
        /// The lease's number.
        lease: i64,
        /// For how long.
        delay: Duration,
    },
    /// The lease's holder gives the task back.
    Release {
        /// The lease's number.
        lease: i64,
    },
    /// The lease was not extended in time: its worker is gone.
    Expire {
        /// Lost leases after which the task is dead.
        crashes_max: u32,
    },
    /// The attempt runs longer than the task's timeout.
    TimeOut,
    /// Somebody withdraws the task.
    Cancel,
    /// An operator brings a dead task back.
    Retry,
}

/// What an event makes of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Nothing to change: the same report again, or the same request.
    Unchanged,
    /// The lease is extended.
    Extended,
    /// A running task was asked to stop.
    CancelRequested,
    /// The task moves to another state.
    Moved(Move),
}

/// A move to another state, with everything that changes on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// The new state.
    pub state: TaskState,
    /// The wait until `run_at`, from now.
    pub delay: Duration,
    /// The new lease number.
    pub lease: i64,
    /// How the lease ended, if one did.
    pub last_outcome: Option<LastOutcome>,
    /// Attempts begun and not given back.
    pub attempt: u32,
    /// Attempts whose lease was lost.
    pub crashes: u32,
    /// Why it was given up.
    pub dead_reason: Option<DeadReason>,
}

/// Why an event does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The lease is not the one the task is running under.
    #[error("the lease is no longer held")]
    LeaseLost,
    /// The task's state has no such transition.
    #[error("a task that is {0} cannot do this")]
    InvalidState(TaskState),
}

/// Decides what `event` makes of a task. `draw`, a random number in `[0, 1)`, spreads retries.
pub fn transition(task: &TaskStatus, event: &Event, draw: f64) -> Result<Outcome, Refusal> {
    match event {
        Event::Promote => promote(task),
        Event::Claim => claim(task),
        Event::Heartbeat { lease } => held(task, *lease).map(|()| Outcome::Extended),
        Event::Complete { lease } => {
            report(task, *lease, LastOutcome::Completed, stay(task, TaskState::Completed))
        }
        Event::Fail { lease, retryable, retry_after } => {
            report(task, *lease, LastOutcome::Failed, fail(task, *retryable, *retry_after, draw))
        }
        Event::Snooze { lease, delay } => {
            report(task, *lease, LastOutcome::Snoozed, give_back(task, TaskState::Scheduled, *delay))
        }
        Event::Release { lease } => {
            report(task, *lease, LastOutcome::Released, give_back(task, TaskState::Available, Duration::ZERO))
        }
        Event::Expire { crashes_max } => lose(task, LastOutcome::Expired, expire(task, *crashes_max)),
        Event::TimeOut => lose(task, LastOutcome::TimedOut, fail(task, true, None, draw)),
        Event::Cancel => cancel(task),
        Event::Retry => retry(task),
    }
}

fn promote(task: &TaskStatus) -> Result<Outcome, Refusal> {
    match task.state {
        TaskState::Scheduled => Ok(moved(stay(task, TaskState::Available))),
        other => Err(Refusal::InvalidState(other)),
    }
}

fn claim(task: &TaskStatus) -> Result<Outcome, Refusal> {
    match task.state {
        TaskState::Available => Ok(moved(Move {
            lease: task.lease + 1,
            attempt: task.attempt + 1,
            last_outcome: None,
            ..stay(task, TaskState::Running)
        })),
        other => Err(Refusal::InvalidState(other)),
    }
}

fn cancel(task: &TaskStatus) -> Result<Outcome, Refusal> {
    match task.state {
        TaskState::Scheduled | TaskState::Available => Ok(moved(stay(task, TaskState::Cancelled))),
        TaskState::Running if task.cancel_requested => Ok(Outcome::Unchanged),
        TaskState::Running => Ok(Outcome::CancelRequested),
        other => Err(Refusal::InvalidState(other)),
    }
}

/// The operator starts the task afresh: attempts and crashes count from 0 again, leases go on growing.
fn retry(task: &TaskStatus) -> Result<Outcome, Refusal> {
    match task.state {
        TaskState::Dead => {
            Ok(moved(Move { attempt: 0, crashes: 0, last_outcome: None, ..stay(task, TaskState::Available) }))
        }
        other => Err(Refusal::InvalidState(other)),
    }
}

fn held(task: &TaskStatus, lease: i64) -> Result<(), Refusal> {
    if task.state == TaskState::Running && task.lease == lease { Ok(()) } else { Err(Refusal::LeaseLost) }
}

/// A worker's report: applies under the held lease, is unchanged when it repeats the lease's end.
fn report(task: &TaskStatus, lease: i64, outcome: LastOutcome, to: Move) -> Result<Outcome, Refusal> {
    if task.lease == lease && task.state != TaskState::Running && task.last_outcome == Some(outcome) {
        return Ok(Outcome::Unchanged);
    }
    held(task, lease)?;
    Ok(moved(Move { last_outcome: Some(outcome), ..to }))
}

/// The service takes the lease away.
fn lose(task: &TaskStatus, outcome: LastOutcome, to: Move) -> Result<Outcome, Refusal> {
    match task.state {
        TaskState::Running => Ok(moved(Move { last_outcome: Some(outcome), ..to })),
        other => Err(Refusal::InvalidState(other)),
    }
}

fn fail(task: &TaskStatus, retryable: bool, retry_after: Option<Duration>, draw: f64) -> Move {
    if task.cancel_requested {
        stay(task, TaskState::Cancelled)
    } else if !retryable {
        dead(task, DeadReason::NotRetryable)
    } else if task.attempt >= task.max_attempts {
        dead(task, DeadReason::AttemptsExhausted)
    } else {
        let delay = retry_after.unwrap_or_else(|| task.retry.delay(task.attempt, draw));
        Move { delay, ..stay(task, TaskState::Scheduled) }
    }
}

/// A lost lease has used its attempt: a task with `max_attempts` 1 is never started twice.
fn expire(task: &TaskStatus, crashes_max: u32) -> Move {
    let crashed = TaskStatus { crashes: task.crashes + 1, ..task.clone() };
    if task.cancel_requested {
        stay(&crashed, TaskState::Cancelled)
    } else if crashed.crashes >= crashes_max {
        dead(&crashed, DeadReason::CrashLoop)
    } else if task.attempt >= task.max_attempts {
        dead(&crashed, DeadReason::AttemptsExhausted)
    } else {
        stay(&crashed, TaskState::Available)
    }
}

/// No attempt is used, unless the task was to be cancelled anyway.
fn give_back(task: &TaskStatus, state: TaskState, delay: Duration) -> Move {
    if task.cancel_requested {
        return stay(task, TaskState::Cancelled);
    }
    Move { delay, attempt: task.attempt.saturating_sub(1), ..stay(task, state) }
}

fn dead(task: &TaskStatus, reason: DeadReason) -> Move {
    Move { dead_reason: Some(reason), ..stay(task, TaskState::Dead) }
}

/// A move that changes nothing but the state.
fn stay(task: &TaskStatus, state: TaskState) -> Move {
    Move {
        state,
        delay: Duration::ZERO,
        lease: task.lease,
        last_outcome: task.last_outcome,
        attempt: task.attempt,
        crashes: task.crashes,
        dead_reason: None,
    }
}

fn moved(to: Move) -> Outcome {
    Outcome::Moved(to)
}
