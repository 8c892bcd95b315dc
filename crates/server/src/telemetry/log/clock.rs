//! The log's clock.

use jiff::Timestamp;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "this is where the log reads the clock")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// The number of the day in UTC.
pub(super) fn day(time: Timestamp) -> i64 {
    const SECONDS: i64 = 24 * 60 * 60;
    time.as_second().div_euclid(SECONDS)
}
