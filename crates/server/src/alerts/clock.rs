//! The time of day, for people: rules count from the service's start.

use jiff::Timestamp;

/// Now, to the millisecond.
#[expect(clippy::disallowed_methods, reason = "people are told the time of day; nothing is decided by it")]
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
