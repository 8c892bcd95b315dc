//! The store's clock: the process's, since the database file has none.
//!
//! Leases and delays are lengths of time, and must not end, or last for ever, because somebody set the machine's clock.
//! So time passes here as it passes, and approaches what the machine's clock says by a twentieth: a clock that was
//! set by an hour is caught up with in less than a day, and a lease is never shorter than workers reckon with.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use taskward_core::Timestamp;

/// By how much time may pass faster or slower than it does.
const SLEW: i64 = 20;

/// The latest answer, and when it was given.
static LATEST: Mutex<Option<Reading>> = Mutex::new(None);

/// A moment, on two clocks, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reading {
    /// Since the Unix epoch.
    time: i64,
    /// Of a clock that nobody sets, and that goes on while the machine sleeps.
    passed: i64,
}

/// Now, in microseconds since the Unix epoch; never earlier than any answer before.
pub(super) fn now() -> i64 {
    // A pair of numbers is never half changed.
    let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    let read = read();
    let now = latest.map_or(read.time, |latest| follow(latest, read));
    *latest = Some(Reading { time: now, ..read });
    now
}

#[expect(clippy::disallowed_methods, reason = "this is where the SQLite store reads the clock")]
fn read() -> Reading {
    let passed = clock_gettime(ClockId::Boottime);
    let passed = passed.tv_sec.saturating_mul(1_000_000).saturating_add(passed.tv_nsec / 1_000);
    Reading { time: Timestamp::now().as_microsecond(), passed }
}

/// The time when the clocks say `read`.
fn follow(latest: Reading, read: Reading) -> i64 {
    let passed = read.passed.saturating_sub(latest.passed).max(0);
    let time = latest.time.saturating_add(passed);
    let behind = read.time.saturating_sub(time);
    time.saturating_add(behind.clamp(-passed / SLEW, passed / SLEW))
}

/// The moment `wait` after `now`, or the last moment there is.
pub(super) fn after(now: i64, wait: Duration) -> i64 {
    now.saturating_add(micros(wait)).min(Timestamp::MAX.as_microsecond())
}

/// The moment `age` before `now`.
pub(super) fn before(now: i64, age: Duration) -> i64 {
    now.saturating_sub(micros(age))
}

/// How long it is from `now` until `then`; zero when it has passed.
pub(super) fn until(now: i64, then: i64) -> Duration {
    Duration::from_micros(u64::try_from(then.saturating_sub(now)).unwrap_or(0))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3600 * SECOND;

    #[test]
    fn a_clock_that_is_set_is_approached_slowly() {
        let latest = Reading { time: 100 * HOUR, passed: HOUR };
        let after_ten_seconds = |set_by: i64| {
            let read = Reading { time: 100 * HOUR + 10 * SECOND + set_by, passed: HOUR + 10 * SECOND };
            follow(latest, read) - latest.time
        };
        assert_eq!(after_ten_seconds(0), 10 * SECOND);
        assert_eq!(after_ten_seconds(7), 10 * SECOND + 7, "what is a little off is right at once");
        assert_eq!(after_ten_seconds(HOUR), 10 * SECOND + SECOND / 2);
        assert_eq!(after_ten_seconds(-HOUR), 10 * SECOND - SECOND / 2);
        assert_eq!(follow(latest, Reading { time: 0, ..latest }), latest.time, "never earlier");
    }
}
