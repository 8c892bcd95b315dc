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

impl Cause {
    /// Its kind, for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Database(Trouble::Away) => "database_away",
            Self::Database(Trouble::RefusesWrites) => "database_refuses_writes",
            Self::ByHand(_) => "maintenance",
            Self::Returning => "returning",
        }
    }
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

/// Who begins and ends causes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Actor {
    /// The service, by what it sees of its database.
    #[default]
    Service,
    /// An operator, by the request of this id.
    Operator(String),
}

impl Actor {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Operator(_) => "operator",
        }
    }

    fn request(&self) -> Option<&str> {
        match self {
            Self::Service => None,
            Self::Operator(request) => Some(request),
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
    /// Who began or ended a cause last, and so changed the mode where it has changed.
    by: Actor,
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

    /// Notes what an operator said.
    pub fn begin_by_hand(&self, maintenance: Maintenance) {
        self.change(|state| {
            state.by = Actor::Operator(maintenance.set_by.clone());
            state.by_hand = Some(maintenance);
        });
        self.0.look.notify_one();
    }

    /// Ends what an operator said, by the request of this id.
    pub fn end_by_hand(&self, request: &str) {
        self.change(|state| {
            if state.by_hand.take().is_some() {
                state.by = Actor::Operator(request.to_owned());
            }
        });
        self.0.look.notify_one();
    }

    /// Notes what is wrong with the database; `None` when nothing is.
    pub(super) fn set_trouble(&self, trouble: Option<Trouble>) {
        self.change(|state| {
            if state.database != trouble {
                (state.database, state.by) = (trouble, Actor::Service);
            }
        });
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
        let mut states = None;
        self.0.state.send_if_modified(|state| {
            let before = state.clone();
            change(state);
            state.owes_time |= state.database.is_some() || state.by_hand.is_some();
            states = Some((before.mode(), state.clone()));
            *state != before
        });
        if let Some((was, state)) = states
            && was != state.mode()
            && state.mode() != Mode::Draining
        {
            record(was, &state);
        }
    }
}

/// The line for the audit: from which mode to which, why, and who did it.
fn record(was: Mode, state: &State) {
    let cause = state.cause();
    tracing::warn!(
        event.category = "configuration",
        event.action = "mode_changed",
        request_id = state.by.request(),
        by = state.by.as_str(),
        was = was.as_str(),
        mode = state.mode().as_str(),
        cause = cause.as_ref().map(Cause::as_str),
        reason = cause.as_ref().map(ToString::to_string),
        "the service changed its mode"
    );
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
        mode.begin_by_hand(maintenance());
        mode.set_trouble(None);
        assert!(matches!(mode.read_only(), Some(Cause::ByHand(_))));
        mode.time_was_given();
        assert_eq!(mode.current(), Mode::ReadOnly, "there is a cause still");
        mode.end_by_hand("another request");
        assert!(mode.is_returning());
        assert_eq!(mode.current(), Mode::ReadOnly);
        mode.time_was_given();
        assert_eq!(mode.current(), Mode::Normal);
    }

    #[test]
    fn whoever_ended_the_last_cause_has_brought_it_back() {
        let mode = ModeSwitch::default();
        let by = |mode: &ModeSwitch| mode.0.state.borrow().by.clone();
        let operator = |request: &str| Actor::Operator(request.to_owned());
        mode.set_trouble(Some(Trouble::Away));
        mode.begin_by_hand(maintenance());
        assert_eq!(by(&mode), operator("a request"));
        mode.set_trouble(None);
        assert_eq!(by(&mode), Actor::Service);
        mode.set_trouble(None);
        mode.end_by_hand("another request");
        mode.set_trouble(None);
        mode.end_by_hand("a third request, which ends nothing");
        mode.time_was_given();
        assert_eq!((mode.current(), by(&mode)), (Mode::Normal, operator("another request")));
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
