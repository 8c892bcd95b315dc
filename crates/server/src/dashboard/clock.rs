//! The time of day: for ages on pages, which are told by the clock of the machine that makes the page, and for the
//! ends of sessions, which instances have to agree on.

use jiff::Timestamp;

#[expect(clippy::disallowed_methods, reason = "instances have no other time in common")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}
