//! Where claims begin to look.
//!
//! A claimed task leaves a dead entry in the index of available ones until vacuum may remove it. While a
//! transaction is held open anywhere in the server, vacuum may remove nothing, and every claim would step over
//! everything that was claimed since. So a claim that turns out slow is followed by claims that begin where
//! the last one ended, for each queue and priority by itself: a more urgent task is found at once, and does
//! not make the walk through the others begin anew.
//!
//! What becomes available later lies behind that place nearly always: `run_at` of a task that is created, given
//! back or tried again is the time of that transaction, and that of a scheduled task is the time it was
//! due. For those that commit late a floor never comes closer to the present than [`MARGIN`]. A scheduled task
//! that is promoted later than that, after an outage, lowers the floor at the instance that promotes it. What
//! else is late by more is found by a claim that looks at everything again; there is one after at most
//! [`LOOK_AGAIN_MAX`].
//! As long as claims are fast, every claim looks at everything.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taskward_core::{Task, Timestamp};
use uuid::Uuid;

/// How far a floor stays behind the present.
pub(super) const MARGIN: Duration = Duration::from_secs(1);
/// A claim is slow when it takes longer than this, and …
const SLOW: Duration = Duration::from_millis(5);
/// … this for each task it found. Both are twice what they should be: floors cost nothing, and a walk over
/// dead entries makes every claim slower long before it is a multiple.
const SLOW_PER_TASK: Duration = Duration::from_micros(50);
/// Looking at everything may take this share of the time, and …
const LOOK_AGAIN_SHARE: u32 = 20;
/// … happens at least this often.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(5);
/// Places that are remembered. Beyond that all are forgotten, which is slow and right.
const PLACES_MAX: usize = 10_000;
/// Priorities go from 1 to 9.
const PRIORITIES: i16 = 9;

/// A place in the order of one queue and priority.
type Place = (Timestamp, Uuid);

/// What an instance knows about where claims ended.
#[derive(Debug, Default)]
pub(super) struct Floors(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    places: HashMap<(String, i16), Place>,
    /// How often a floor had to be lowered.
    lowered: u64,
    /// Until then, claims begin at the floors.
    in_use_until: Option<Instant>,
}

/// Where one claim begins, for each of its queues and priorities.
#[derive(Debug)]
pub(super) struct Beginning<'a> {
    pub(super) queues: Vec<&'a str>,
    pub(super) priorities: Vec<i16>,
    pub(super) run_at: Vec<Timestamp>,
    pub(super) id: Vec<Uuid>,
    /// Whether that is the very first place in each.
    pub(super) everything: bool,
    /// How often a floor had been lowered by then.
    lowered: u64,
}

impl Floors {
    /// Where a claim from these queues is to begin.
    pub(super) fn beginning<'a>(&self, queues: &'a [String], now: Instant) -> Beginning<'a> {
        let state = self.state();
        let everything = state.in_use_until.is_none_or(|until| until <= now);
        let mut beginning = Beginning {
            queues: Vec::new(),
            priorities: Vec::new(),
            run_at: Vec::new(),
            id: Vec::new(),
            everything,
            lowered: state.lowered,
        };
        for queue in queues {
            for priority in 1..=PRIORITIES {
                let known = if everything { None } else { state.places.get(&(queue.clone(), priority)) };
                let (run_at, id) = known.copied().unwrap_or((Timestamp::UNIX_EPOCH, Uuid::nil()));
                beginning.queues.push(queue);
                beginning.priorities.push(priority);
                beginning.run_at.push(run_at);
                beginning.id.push(id);
            }
        }
        beginning
    }

    /// Takes note of a claim: what it found, in the order of claims, and how long it took.
    pub(super) fn ended(
        &self,
        beginning: &Beginning<'_>,
        any_kind: bool,
        found: &[&Task],
        took: Duration,
        now: Instant,
    ) {
        let mut state = self.state();
        if beginning.everything {
            let tasks = u32::try_from(found.len()).unwrap_or(u32::MAX);
            let slow = took > SLOW + SLOW_PER_TASK * tasks;
            state.in_use_until = slow.then(|| now + (took * LOOK_AGAIN_SHARE).min(LOOK_AGAIN_MAX));
        }
        // A claim for some kinds passes over the others; and one that began before a floor was lowered, over what
        // it was lowered for.
        if !any_kind || beginning.lowered != state.lowered {
            return;
        }
        if state.places.len() > PLACES_MAX {
            state.places.clear();
        }
        // The tasks of a queue and priority come one after the other; the last one counts.
        for (at, task) in found.iter().enumerate() {
            let next = found.get(at + 1);
            if next.is_none_or(|next| (&next.queue, next.priority) != (&task.queue, task.priority)) {
                state.places.insert((task.queue.clone(), i16::from(task.priority)), place(task));
            }
        }
    }

    /// Takes note of tasks that became available so late that claims may have passed them: the queue, the priority,
    /// and the `run_at` of the first there. Their floors do not stay above that.
    pub(super) fn lower(&self, late: impl IntoIterator<Item = (String, i16, Timestamp)>) {
        let mut state = self.state();
        for (queue, priority, run_at) in late {
            state.lowered += 1;
            if let Some(place) = state.places.get_mut(&(queue, priority)) {
                *place = (*place).min((run_at, Uuid::nil()));
            }
        }
    }

    /// Nobody panics while holding the lock, so what is behind a poisoned one is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the next claim may begin, after this task was claimed.
fn place(task: &Task) -> Place {
    let latest = task.started_at.and_then(|now| now.checked_sub(MARGIN).ok());
    match latest {
        Some(latest) if task.run_at >= latest => (latest, Uuid::nil()),
        _ => (task.run_at, task.id.0),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use serde_json::value::RawValue;
    use taskward_core::{NewTask, RetryPolicy, Schedule, TaskId};

    use super::*;

    const FAST: Duration = Duration::from_millis(2);

    static QUEUES: LazyLock<Vec<String>> = LazyLock::new(|| vec!["q".to_owned()]);

    /// A task of queue `q`, claimed at `now`, that became available `ago`.
    fn claimed(ago: Duration, now: Timestamp) -> Task {
        let new = NewTask {
            id: TaskId(Uuid::from_u128(7)),
            kind: "k".to_owned(),
            queue: "q".to_owned(),
            payload: RawValue::NULL.to_owned(),
            priority: 5,
            schedule: Schedule::Now,
            timeout: FAST,
            max_attempts: 1,
            retry: RetryPolicy::default(),
            unique: None,
            tags: Vec::new(),
            metadata: None,
            trace_context: None,
            idempotency: None,
        };
        Task { started_at: Some(now), ..new.into_task(now - ago, now) }
    }

    /// Where the claim of priority 5 begins after one that took `took` found a task that waited for `ago`.
    fn after(
        took: Duration,
        ago: Duration,
        any_kind: bool,
    ) -> (Floors, Timestamp, Instant, (Timestamp, Uuid)) {
        let (floors, now, start) =
            (Floors::default(), Timestamp::from_second(1_800_000_000).expect("a moment"), Instant::now());
        let beginning = floors.beginning(&QUEUES, start);
        floors.ended(&beginning, any_kind, &[&claimed(ago, now)], took, start);
        let place = begins(&floors, start);
        (floors, now, start, place)
    }

    /// Where a claim of priority 5 begins.
    fn begins(floors: &Floors, at: Instant) -> Place {
        let beginning = floors.beginning(&QUEUES, at);
        (beginning.run_at[4], beginning.id[4])
    }

    const EVERYTHING: (Timestamp, Uuid) = (Timestamp::UNIX_EPOCH, Uuid::nil());
    const SLOWLY: Duration = Duration::from_millis(100);
    const LONG_AGO: Duration = Duration::from_secs(60);

    #[test]
    fn fast_claims_look_at_everything() {
        assert_eq!(after(FAST, LONG_AGO, true).3, EVERYTHING);
    }

    #[test]
    fn slow_claims_are_followed_by_others_from_where_they_ended() {
        let (floors, now, start, place) = after(SLOWLY, LONG_AGO, true);
        assert_eq!(place, (now - LONG_AGO, Uuid::from_u128(7)));
        let next = floors.beginning(&QUEUES, start);
        assert_eq!((next.run_at.len(), next.run_at[3]), (9, EVERYTHING.0), "each priority has its own");
        let later = begins(&floors, start + SLOWLY * LOOK_AGAIN_SHARE);
        assert_eq!(later, EVERYTHING, "now and then everything is looked at");
    }

    #[test]
    fn the_last_second_is_always_looked_at() {
        let (_, now, _, place) = after(SLOWLY, Duration::ZERO, true);
        assert_eq!(place, (now - MARGIN, Uuid::nil()));
    }

    #[test]
    fn a_claim_for_some_kinds_says_nothing_of_the_others() {
        assert_eq!(after(SLOWLY, LONG_AGO, false).3, EVERYTHING);
    }

    #[test]
    fn what_becomes_available_late_lowers_the_floor() {
        let (floors, now, start, place) = after(SLOWLY, LONG_AGO, true);
        floors.lower([("q".to_owned(), 5, now - LONG_AGO / 2), ("q".to_owned(), 4, now - LONG_AGO * 2)]);
        assert_eq!(begins(&floors, start), place, "it is behind the floor, or of another priority");
        floors.lower([("q".to_owned(), 5, now - LONG_AGO * 2)]);
        assert_eq!(begins(&floors, start), (now - LONG_AGO * 2, Uuid::nil()));
    }

    #[test]
    fn a_claim_that_began_before_does_not_raise_a_lowered_floor() {
        let (floors, now, start, _) = after(SLOWLY, LONG_AGO, true);
        let before = floors.beginning(&QUEUES, start);
        floors.lower([("q".to_owned(), 5, now - LONG_AGO * 2)]);
        floors.ended(&before, true, &[&claimed(LONG_AGO, now)], FAST, start);
        assert_eq!(begins(&floors, start), (now - LONG_AGO * 2, Uuid::nil()));
        let next = floors.beginning(&QUEUES, start);
        floors.ended(&next, true, &[&claimed(LONG_AGO, now)], FAST, start);
        assert_eq!(begins(&floors, start), (now - LONG_AGO, Uuid::from_u128(7)));
    }
}
