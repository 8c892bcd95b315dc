//! Who is signed in. The API key opens a session; the browser keeps a signed note of that, never the key.
//!
//! The secret that signs is made when the process starts: a restart signs everybody out, and an instance does
//! not know the sessions of another. Nothing is kept here but failed attempts, and sessions that were ended early.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tokio::time::Instant;
use uuid::Uuid;

/// The cookie of a session.
pub(super) const COOKIE: &str = "taskward_session";
/// How long a session lasts: a shift.
pub(super) const LASTS: Duration = Duration::from_secs(12 * 3600);
/// Failed attempts to sign in within [`ATTEMPTS_WINDOW`], after which even the right key has to wait.
const ATTEMPTS_MAX: usize = 10;
const ATTEMPTS_WINDOW: Duration = Duration::from_secs(60);
/// Sessions that were signed out of are remembered until they would have ended; more than these never at once.
const ENDED_MAX: usize = 10_000;

/// Opens sessions and knows them again.
pub(crate) struct Sessions {
    secret: [u8; 64],
    /// What the ends of sessions are counted from.
    began: Instant,
    failed: Mutex<VecDeque<Instant>>,
    ended: Mutex<VecDeque<Session>>,
}

/// A session that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    id: Uuid,
    ends_at: Instant,
}

impl Session {
    /// When it ends.
    pub(super) fn ends_at(self) -> Instant {
        self.ends_at
    }
}

impl Sessions {
    /// Sessions of a process that starts now.
    ///
    /// # Panics
    /// Where the system has no randomness to give: nobody should be let in then.
    pub(super) fn new(now: Instant) -> Self {
        let mut secret = [0; 64];
        getrandom::fill(&mut secret).expect("the system gives random bytes");
        Self { secret, began: now, failed: Mutex::default(), ended: Mutex::default() }
    }

    /// Opens a session; returns the cookie's value.
    pub(super) fn open(&self, now: Instant) -> String {
        let ends = now.duration_since(self.began) + LASTS;
        let note = format!("{}.{}", Uuid::now_v7().as_simple(), ends.as_secs());
        format!("{note}.{}", self.signature("session", &note))
    }

    /// The session of a cookie, unless it has ended or is not one of ours.
    pub(super) fn find(&self, cookie: &str, now: Instant) -> Option<Session> {
        let (note, signature) = cookie.rsplit_once('.')?;
        if !same(signature, &self.signature("session", note)) {
            return None;
        }
        let (id, ends) = note.split_once('.')?;
        let ends_at = self.began.checked_add(Duration::from_secs(ends.parse().ok()?))?;
        let session = Session { id: Uuid::try_parse(id).ok()?, ends_at };
        (now < ends_at && !lock(&self.ended).contains(&session)).then_some(session)
    }

    /// Ends a session early: its cookie is worth nothing any more, wherever a copy of it may be.
    pub(super) fn end(&self, session: Session, now: Instant) {
        let mut ended = lock(&self.ended);
        ended.retain(|other| now < other.ends_at);
        if ended.len() >= ENDED_MAX {
            ended.pop_front();
        }
        ended.push_back(session);
    }

    /// What forms of a session carry, to prove that they come from its pages; `None` for pages without a session.
    pub(super) fn form_token(&self, session: Option<Session>) -> String {
        let of = session.map(|session| session.id.as_simple().to_string()).unwrap_or_default();
        self.signature("form", &of)
    }

    /// Whether a form carries its session's token.
    pub(super) fn is_form_token(&self, token: &str, session: Option<Session>) -> bool {
        same(token, &self.form_token(session))
    }

    /// Whether somebody may try a key. Whoever guesses is slowed down to nothing; a key has more possibilities than
    /// anybody could try at this rate.
    pub(super) fn may_try(&self, now: Instant) -> bool {
        let mut failed = lock(&self.failed);
        while failed.front().is_some_and(|at| now.duration_since(*at) >= ATTEMPTS_WINDOW) {
            failed.pop_front();
        }
        failed.len() < ATTEMPTS_MAX
    }

    /// A wrong key was tried.
    pub(super) fn failed(&self, now: Instant) {
        lock(&self.failed).push_back(now);
    }

    /// Signs a text for a purpose: what was signed for one is not valid for another.
    fn signature(&self, purpose: &str, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new(&self.secret.into());
        for part in [purpose, "\0", text] {
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Compares in a time that does not tell how much is the same.
fn same(given: &str, expected: &str) -> bool {
    given.as_bytes().ct_eq(expected.as_bytes()).into()
}

/// Nobody panics while holding these locks, so what is behind a poisoned one is whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_until_it_ends() {
        let now = Instant::now();
        let sessions = Sessions::new(now);
        let cookie = sessions.open(now);
        let session = sessions.find(&cookie, now).expect("a session");
        let nearly = now + LASTS - Duration::from_secs(1);
        assert_eq!(sessions.find(&cookie, nearly), Some(session));
        assert_eq!(sessions.find(&cookie, now + LASTS), None);
        assert_eq!(Sessions::new(now).find(&cookie, now), None, "another process");
        sessions.end(session, now);
        assert_eq!(sessions.find(&cookie, now), None);
    }

    #[test]
    fn what_was_changed_is_not_a_session() {
        let now = Instant::now();
        let sessions = Sessions::new(now);
        let cookie = sessions.open(now);
        let parts: Vec<&str> = cookie.split('.').collect();
        let [id, ends, signature] = parts[..] else { panic!("three parts: {cookie}") };
        let longer = format!("{id}.{}.{signature}", ends.parse::<u64>().expect("seconds") + 1);
        let other_purpose = format!("{id}.{ends}.{}", sessions.signature("form", &format!("{id}.{ends}")));
        for forged in [&longer, &other_purpose, "", "..", id, &cookie[..cookie.len() - 1]] {
            assert_eq!(sessions.find(forged, now), None, "{forged}");
        }
    }

    #[test]
    fn a_form_belongs_to_its_session() {
        let now = Instant::now();
        let sessions = Sessions::new(now);
        let [one, two] = [(); 2].map(|()| sessions.find(&sessions.open(now), now));
        let token = sessions.form_token(one);
        assert!(sessions.is_form_token(&token, one));
        assert!(!sessions.is_form_token(&token, two));
        assert!(!sessions.is_form_token(&token, None));
        assert!(!sessions.is_form_token("", None));
    }

    #[test]
    fn attempts_are_limited() {
        let now = Instant::now();
        let sessions = Sessions::new(now);
        for _ in 0..ATTEMPTS_MAX {
            assert!(sessions.may_try(now));
            sessions.failed(now);
        }
        assert!(!sessions.may_try(now + Duration::from_secs(59)));
        assert!(sessions.may_try(now + ATTEMPTS_WINDOW));
    }
}
