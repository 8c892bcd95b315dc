//! When something is due: load that does not wait for its answers.

use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Something that is due at a fixed rate, beginning with one at the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    began: Instant,
    per_second: u32,
}

impl Pace {
    pub(super) fn new(began: Instant, per_second: u32) -> Self {
        Self { began, per_second }
    }

    /// When number `n` is due, counted from 0.
    pub(super) fn due(&self, n: u64) -> Instant {
        let (rate, nanoseconds) = (u64::from(self.per_second.max(1)), 1_000_000_000);
        let whole = Duration::from_secs(n / rate);
        self.began + whole + Duration::from_nanos(n % rate * nanoseconds / rate)
    }

    /// How many are due within that time.
    pub(super) fn within(&self, duration: Duration) -> u64 {
        let due = duration.as_nanos() * u128::from(self.per_second) / 1_000_000_000;
        u64::try_from(due).unwrap_or(u64::MAX)
    }

    /// Adds a permit whenever one is due, `count` times. Blocks its thread: the runtime's timers are up to a
    /// millisecond late, and that would be measured along.
    pub(super) fn keep(self, count: u64, permits: &Semaphore, stop: &CancellationToken) {
        for n in 0..count {
            std::thread::sleep(self.due(n).saturating_duration_since(Instant::now()));
            if stop.is_cancelled() {
                break;
            }
            permits.add_permits(1);
        }
    }
}

/// Whether another batch may be added to a backlog that should stay near `aim`. What is being added counts
/// as added.
pub(super) const fn may_add(adding: u64, added: u64, completed: u64, aim: u64) -> bool {
    (adding + added).saturating_sub(completed) < aim
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_times_do_not_drift() {
        let began = Instant::now();
        let pace = Pace::new(began, 150);
        assert_eq!(pace.due(0), began);
        assert_eq!(pace.due(150 * 3600), began + Duration::from_secs(3600));
        assert_eq!(pace.due(3), began + Duration::from_millis(20));
        assert_eq!((pace.within(Duration::from_secs(10)), pace.within(Duration::from_millis(5))), (1500, 0));
    }

    #[test]
    fn permits_come_when_they_are_due_and_end_with_a_stop() {
        let (permits, stop) = (Semaphore::new(0), CancellationToken::new());
        let began = Instant::now();
        Pace::new(began, 1000).keep(5, &permits, &stop);
        assert!(permits.available_permits() == 5 && began.elapsed() >= Duration::from_millis(4));
        stop.cancel();
        Pace::new(began, 1).keep(1_000_000, &permits, &stop);
        assert_eq!(permits.available_permits(), 5);
    }

    #[test]
    fn a_backlog_stays_near_its_aim() {
        assert!(may_add(0, 0, 0, 10));
        assert!(!may_add(10, 0, 0, 10), "what is under way counts");
        assert!(may_add(10, 100, 101, 10));
        assert!(may_add(0, 5, 9, 10), "the service may know of tasks that we do not know of yet");
    }
}
