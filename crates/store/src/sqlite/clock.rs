//! The store's clock: the process's, since the database file has none.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use taskward_core::Timestamp;

/// The latest moment given out, so that a clock set back does not make time go backwards here.
static LATEST: AtomicI64 = AtomicI64::new(0);

/// Now, in microseconds since the Unix epoch; never earlier than any answer before.
#[expect(clippy::disallowed_methods, reason = "this is where the SQLite store reads the clock")]
pub(super) fn now() -> i64 {
    let read = Timestamp::now().as_microsecond();
    LATEST.fetch_max(read, Ordering::Relaxed).max(read)
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
