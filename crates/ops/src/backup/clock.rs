//! The time during a long operation, from the moment it was begun at.

use std::time::{Duration, Instant};

use taskward_core::Timestamp;

/// A clock that was read once and goes on by itself, whatever is done to the machine's.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Timestamp,
    began: Instant,
}

impl Clock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { start: now, began: Instant::now() }
    }

    /// When it was read.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        self.start.saturating_add(self.elapsed()).unwrap_or(Timestamp::MAX)
    }

    /// How long ago it was read.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

/// A name for a backup begun at `time`: `20261231-235900`.
pub(super) fn name(time: Timestamp) -> String {
    time.strftime("%Y%m%d-%H%M%S").to_string()
}

/// A name for something that happens more often: `20261231-235900.123`.
pub(super) fn fine_name(time: Timestamp) -> String {
    time.strftime("%Y%m%d-%H%M%S%.3f").to_string()
}

/// From `then` until `now`; zero when that is in the future.
pub(super) fn age(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or(Duration::ZERO)
}
