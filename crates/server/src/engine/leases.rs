//! How long leases are that workers ask for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Longer ago than this, and up to twice as long, nobody remembers a lease: one that is longer has time enough left
/// anyway.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// Workers wait some seconds before they try again.
const GRACE_MIN: Duration = Duration::from_secs(10);

/// The longest leases of lately. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct LeaseLengths(Arc<Mutex<Longest>>);

#[derive(Default)]
struct Longest {
    /// Since when.
    since: Option<Instant>,
    now: Duration,
    before: Duration,
}

impl LeaseLengths {
    /// A worker asked for a lease of this length.
    pub(super) fn saw(&self, lease: Duration) {
        let mut longest = self.longest();
        longest.forget();
        longest.now = longest.now.max(lease);
    }

    /// How long workers that could not be heard may take to say that they are there: one lease.
    pub(crate) fn grace(&self) -> Duration {
        let mut longest = self.longest();
        longest.forget();
        longest.now.max(longest.before).max(GRACE_MIN)
    }

    /// Nobody panics while holding the lock, so what is behind a poisoned one is whole.
    fn longest(&self) -> MutexGuard<'_, Longest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Longest {
    fn forget(&mut self) {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        if now.duration_since(since) >= REMEMBERED {
            (self.before, self.now, self.since) = (self.now, Duration::ZERO, Some(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_long_lease_is_not_remembered_for_ever() {
        let leases = LeaseLengths::default();
        assert_eq!(leases.grace(), GRACE_MIN);
        leases.saw(Duration::from_secs(60));
        leases.saw(Duration::from_secs(30));
        assert_eq!(leases.grace(), Duration::from_secs(60));
        tokio::time::advance(REMEMBERED).await;
        leases.saw(Duration::from_secs(20));
        assert_eq!(leases.grace(), Duration::from_secs(60));
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(leases.grace(), Duration::from_secs(20));
    }
}
