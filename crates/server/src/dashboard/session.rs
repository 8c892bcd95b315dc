//! Who is signed in. The API key opens a session; the browser keeps a signed note of that, never the key.
//!
//! What signs follows from the key: every instance that has it knows the sessions of the others, a restart signs
//! nobody out, and another key ends them all. Nothing is kept here but failed attempts, and sessions that were
//! ended early.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
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
    secret: Secret,
    failed: Mutex<VecDeque<Instant>>,
    ended: Mutex<VecDeque<Session>>,
}

/// What signs.
enum Secret {
    /// Made from the API key.
    OfKey([u8; 32]),
    /// Where there is no key nobody signs in, and only forms are signed.
    OfProcess([u8; 32]),
}

/// A session that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    id: Uuid,
    /// Unix seconds: all instances have the time of day in common, and nothing else.
    ends_at: i64,
}

impl Sessions {
    /// The sessions that this key opens; without one, of a process that starts now.
    ///
    /// # Panics
    /// Where the system has no randomness to give: nobody should be let in then.
    pub(super) fn new(key: Option<&SecretString>) -> Self {
        let secret = key.map_or_else(
            || {
                let mut random = [0; 32];
                getrandom::fill(&mut random).expect("the system gives random bytes");
                Secret::OfProcess(random)
            },
            |key| {
                let digest = Sha256::digest(key.expose_secret().as_bytes()).into();
                Secret::OfKey(signed(&digest, &["taskward dashboard sessions, 1"]))
            },
        );
        Self { secret, failed: Mutex::default(), ended: Mutex::default() }
    }

    /// Opens a session; returns the cookie's value.
    pub(super) fn open(&self, now: Timestamp) -> String {
        let ends_at = now.as_second().saturating_add(LASTS.as_secs() as i64);
        let note = format!("{}.{ends_at}", Uuid::now_v7().as_simple());
        format!("{note}.{}", self.signature("session", &note))
    }

    /// The session of a cookie, unless it has ended or is not one of this key.
    pub(super) fn find(&self, cookie: &str, now: Timestamp) -> Option<Session> {
        let (note, signature) = cookie.rsplit_once('.')?;
        if !same(signature, &self.signature("session", note)) {
            return None;
        }
        let (id, ends_at) = note.split_once('.')?;
        let session = Session { id: Uuid::try_parse(id).ok()?, ends_at: ends_at.parse().ok()? };
        self.is_open(session, now).then_some(session)
    }

    /// Whether a session that was found goes on.
    pub(super) fn is_open(&self, session: Session, now: Timestamp) -> bool {
        now.as_second() < session.ends_at && !lock(&self.ended).contains(&session)
    }

    /// Ends a session early: its cookie is worth nothing at this instance any more, wherever a copy of it may be.
    pub(super) fn end(&self, session: Session, now: Timestamp) {
        let mut ended = lock(&self.ended);
        ended.retain(|other| now.as_second() < other.ends_at);
        if ended.len() >= ENDED_MAX {
            ended.pop_front();
        }
        ended.push_back(session);
    }

    /// What forms of a session carry, to prove that they come from its pages. Where there is a key, pages without a
    /// session have none: a signature of something known would let anybody try keys on it, by themselves and as
    /// fast as they can. Where a form comes from is checked in any case.
    pub(super) fn form_token(&self, session: Option<Session>) -> String {
        match (session, &self.secret) {
            (Some(session), _) => self.signature("form", &session.id.as_simple().to_string()),
            (None, Secret::OfProcess(_)) => self.signature("form", ""),
            (None, Secret::OfKey(_)) => String::new(),
        }
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
        let (Secret::OfKey(secret) | Secret::OfProcess(secret)) = &self.secret;
        signed(secret, &[purpose, "\0", text]).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// HMAC-SHA256 of these parts.
fn signed(secret: &[u8; 32], parts: &[&str]) -> [u8; 32] {
    // What is shorter than a block is filled up with noughts (RFC 2104, 2).
    let mut block = [0; 64];
    block[..32].copy_from_slice(secret);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    mac.finalize().into_bytes().into()
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

    const KEY: &str = "correct-horse-battery-staple";

    fn of(key: &str) -> Sessions {
        Sessions::new(Some(&key.into()))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a moment")
    }

    #[test]
    fn a_session_is_known_wherever_the_key_is_until_it_ends() {
        let (one, other) = (of(KEY), of(KEY));
        let cookie = one.open(at(0));
        let session = one.find(&cookie, at(0)).expect("a session");
        let ends = LASTS.as_secs() as i64;
        for instance in [&one, &other] {
            assert_eq!(instance.find(&cookie, at(ends - 1)), Some(session));
            assert_eq!(instance.find(&cookie, at(ends)), None);
            assert!(instance.is_form_token(&one.form_token(Some(session)), Some(session)));
        }
        assert_eq!(of("another-key-of-the-service").find(&cookie, at(0)), None);
        assert_eq!(Sessions::new(None).find(&cookie, at(0)), None);
        one.end(session, at(0));
        assert!(one.find(&cookie, at(0)).is_none() && !one.is_open(session, at(0)));
    }

    #[test]
    fn what_was_changed_is_not_a_session() {
        let sessions = of(KEY);
        let cookie = sessions.open(at(0));
        let parts: Vec<&str> = cookie.split('.').collect();
        let [id, ends, signature] = parts[..] else { panic!("three parts: {cookie}") };
        let longer = format!("{id}.{}.{signature}", ends.parse::<i64>().expect("seconds") + 1);
        let other_purpose = format!("{id}.{ends}.{}", sessions.signature("form", &format!("{id}.{ends}")));
        for forged in [&longer, &other_purpose, "", "..", id, &cookie[..cookie.len() - 1]] {
            assert_eq!(sessions.find(forged, at(0)), None, "{forged}");
        }
    }

    #[test]
    fn a_form_belongs_to_its_session() {
        let sessions = of(KEY);
        let [one, two] = [(); 2].map(|()| sessions.find(&sessions.open(at(0)), at(0)));
        let token = sessions.form_token(one);
        assert!(sessions.is_form_token(&token, one));
        assert!(!sessions.is_form_token(&token, two));
        assert!(!sessions.is_form_token(&token, None));
        assert!(!sessions.is_form_token("", one));
    }

    #[test]
    fn without_a_key_a_form_belongs_to_its_process() {
        let sessions = Sessions::new(None);
        let token = sessions.form_token(None);
        assert!(sessions.is_form_token(&token, None));
        assert!(!sessions.is_form_token("", None));
        assert!(!Sessions::new(None).is_form_token(&token, None));
    }

    #[test]
    fn nothing_is_signed_for_somebody_who_has_not_signed_in() {
        assert_eq!(of(KEY).form_token(None), "");
    }

    #[test]
    fn attempts_are_limited() {
        let now = Instant::now();
        let sessions = of(KEY);
        for _ in 0..ATTEMPTS_MAX {
            assert!(sessions.may_try(now));
            sessions.failed(now);
        }
        assert!(!sessions.may_try(now + Duration::from_secs(59)));
        assert!(sessions.may_try(now + ATTEMPTS_WINDOW));
    }
}
