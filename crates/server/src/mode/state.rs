//! The modes, and the one place where the service's own is kept.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, watch};

use super::Maintenance;

/// The service's mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    Normal,
    /// Reading only: what would change something is refused before it is tried.
    ReadOnly,
    /// Finishing what has begun; no new claims.
    Draining,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Normal, Self::ReadOnly, Self::Draining];

    /// The name shown in `/health`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::ReadOnly => "read_only",
            Self::Draining => "draining",
        }
    }
}

/// What is wrong with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It does not answer.
    Away,
    /// It answers, but takes no writes: a full disk, a standby.
    RefusesWrites,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Away => "the database does not answer",
            Self::RefusesWrites => "the database takes no writes",
        })
    }
}

/// Why the service is read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Because of its database.
    Database(Trouble),
    /// Because an operator said so.
    ByHand(Maintenance),
    /// The causes have gone; workers are being given time.
    Returning,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(trouble) => trouble.fmt(f),
            Self::ByHand(maintenance) => write!(f, "maintenance: {}", maintenance.reason),
            Self::Returning => f.write_str("it is about to be back"),
        }
    }
}

/// The one place where the mode is kept; clones see the same mode.
#[derive(Debug, Clone, Default)]
pub struct ModeSwitch(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: watch::Sender<State>,
    /// Somebody's call failed in a way that may concern everybody.
    suspicion: AtomicBool,
    look: Notify,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct State {
    draining: bool,
    database: Option<Trouble>,
    by_hand: Option<Maintenance>,
    /// Workers could not be heard, and have not been given time since.
    owes_time: bool,
}

impl State {
    fn cause(&self) -> Option<Cause> {
        let database = self.database.map(Cause::Database);
        let by_hand = || self.by_hand.clone().map(Cause::ByHand);
        database.or_else(by_hand).or_else(|| self.owes_time.then_some(Cause::Returning))
    }

    fn is_read_only(&self) -> bool {
        self.database.is_some() || self.by_hand.is_some() || self.owes_time
    }

    fn mode(&self) -> Mode {
        match (self.draining, self.is_read_only()) {
            (true, _) => Mode::Draining,
            (false, true) => Mode::ReadOnly,
            (false, false) => Mode::Normal,
        }
    }
}

impl ModeSwitch {
    /// The mode now.
    pub fn current(&self) -> Mode {
        self.0.state.borrow().mode()
    }

    /// Why writes are refused now; `None` when they are not. Also during a drain.
    pub fn read_only(&self) -> Option<Cause> {
        let state = self.0.state.borrow();
        // Nearly every call ends here.
        if state.is_read_only() { state.cause() } else { None }
    }

    /// What is wrong with the database.
    pub fn trouble(&self) -> Option<Trouble> {
        self.0.state.borrow().database
    }

    /// What an operator said.
    pub fn by_hand(&self) -> Option<Maintenance> {
        self.0.state.borrow().by_hand.clone()
    }

    /// Notes what an operator said; `None` ends it.
    pub fn set_by_hand(&self, maintenance: Option<Maintenance>) {
        self.change(|state| state.by_hand = maintenance);
        self.0.look.notify_one();
    }

    /// Notes what is wrong with the database; `None` when nothing is.
    pub(super) fn set_trouble(&self, trouble: Option<Trouble>) {
        self.change(|state| state.database = trouble);
    }

    /// Whether only workers that have not been given time stand between here and normal.
    pub(super) fn is_returning(&self) -> bool {
        self.read_only() == Some(Cause::Returning)
    }

    /// Workers have been given time. Not if there is a cause again by now.
    pub(super) fn time_was_given(&self) {
        self.change(|state| state.owes_time = state.database.is_some() || state.by_hand.is_some());
    }

    /// Says that a call failed because of the database, so that it is looked at right away.
    pub(crate) fn suspect(&self) {
        self.0.suspicion.store(true, Ordering::Relaxed);
        self.0.look.notify_one();
    }

    /// Whether somebody has, since this was asked last.
    pub(super) fn take_suspicion(&self) -> bool {
        self.0.suspicion.swap(false, Ordering::Relaxed)
    }

    /// Returns when the database should be looked at, or the operator's word.
    pub(super) async fn asked_to_look(&self) {
        self.0.look.notified().await;
    }

    /// Begins the drain; there is no way back.
    pub fn drain(&self) {
        self.change(|state| state.draining = true);
    }

    /// Returns once the drain has begun.
    pub async fn draining(&self) {
        self.reaches(|state| state.draining).await;
    }

    /// Returns once writes are taken.
    pub async fn writable(&self) {
        self.reaches(|state| !state.is_read_only()).await;
    }

    /// Returns once writes are refused.
    pub async fn read_only_begins(&self) {
        self.reaches(State::is_read_only).await;
    }

    async fn reaches(&self, wanted: impl Fn(&State) -> bool) {
        // Cannot fail: `self` keeps the sender alive.
        let _ = self.0.state.subscribe().wait_for(|state| wanted(state)).await;
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut modes = None;
        self.0.state.send_if_modified(|state| {
            let before = state.clone();
            change(state);
            state.owes_time |= state.database.is_some() || state.by_hand.is_some();
            modes = Some((before.mode(), state.mode()));
            *state != before
        });
        if let Some((before, now)) = modes
            && before != now
            && now != Mode::Draining
        {
            let reason = self.read_only().map(|cause| cause.to_string());
            tracing::warn!(mode = now.as_str(), reason, "the service changed its mode");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maintenance() -> Maintenance {
        Maintenance::begin("moving the database".to_owned(), "a request".to_owned())
    }

    #[test]
    fn each_cause_is_enough_and_time_is_given_after_the_last() {
        let mode = ModeSwitch::default();
        assert_eq!((mode.current(), mode.read_only()), (Mode::Normal, None));
        mode.set_trouble(Some(Trouble::Away));
        assert_eq!(mode.read_only(), Some(Cause::Database(Trouble::Away)));
        mode.set_by_hand(Some(maintenance()));
        mode.set_trouble(None);
        assert!(matches!(mode.read_only(), Some(Cause::ByHand(_))));
        mode.time_was_given();
        assert_eq!(mode.current(), Mode::ReadOnly, "there is a cause still");
        mode.set_by_hand(None);
        assert!(mode.is_returning());
        assert_eq!(mode.current(), Mode::ReadOnly);
        mode.time_was_given();
        assert_eq!(mode.current(), Mode::Normal);
    }

    #[test]
    fn a_drain_stays_and_writes_are_refused_all_the_same() {
        let mode = ModeSwitch::default();
        mode.drain();
        assert_eq!((mode.current(), mode.read_only()), (Mode::Draining, None));
        mode.set_trouble(Some(Trouble::RefusesWrites));
        assert_eq!(mode.current(), Mode::Draining);
        assert_eq!(mode.read_only(), Some(Cause::Database(Trouble::RefusesWrites)));
    }

    #[tokio::test]
    async fn whoever_waits_is_told() {
        let mode = ModeSwitch::default();
        mode.writable().await;
        mode.set_trouble(Some(Trouble::Away));
        mode.read_only_begins().await;
        mode.suspect();
        mode.asked_to_look().await;
        assert!(mode.take_suspicion() && !mode.take_suspicion());
    }
}
