//! Backups by schedule that fail: how many in a row, and when the next is tried.

use std::time::Duration;

use tokio::time::Instant;

const FAILURES: &str = "taskward_backup_failures_total";
const IN_A_ROW: &str = "taskward_backup_consecutive_failures";

/// The longest time between two attempts: a cause that has gone is noticed as soon.
const PAUSE_MAX: Duration = Duration::from_secs(5 * 60);

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is a backup that is young enough, whoever made it.
    Made,
    /// Another instance is making one.
    Elsewhere,
    /// There is none.
    Failed,
}

/// The attempts of this instance.
pub(super) struct Attempts {
    failures: u32,
    /// Not before.
    next: Option<Instant>,
    pause: Duration,
    pause_max: Duration,
}

impl Attempts {
    /// None yet. After a failure the next comes after `every`, after others later, yet not much later than they would be due
    /// anyway.
    pub(super) fn new(schedule: Duration, every: Duration) -> Self {
        // So that it is there before it is needed: an alert is judged by it.
        metrics::gauge!(IN_A_ROW).set(0.0);
        Self { failures: 0, next: None, pause: every, pause_max: PAUSE_MAX.min(schedule).max(every) }
    }

    /// Whether it is time to try.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| next <= now)
    }

    /// Notes how an attempt ended.
    pub(super) fn end(&mut self, outcome: Outcome, now: Instant) {
        match outcome {
            Outcome::Made => (self.failures, self.next) = (0, None),
            Outcome::Elsewhere => {}
            Outcome::Failed => {
                self.next = Some(now + self.pause());
                self.failures = self.failures.saturating_add(1);
                metrics::counter!(FAILURES).increment(1);
            }
        }
        metrics::gauge!(IN_A_ROW).set(f64::from(self.failures));
    }

    /// Twice as long after each.
    fn pause(&self) -> Duration {
        let factor = 2u32.saturating_pow(self.failures);
        self.pause.saturating_mul(factor).min(self.pause_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses after each of so many failures, in seconds.
    fn pauses(schedule: u64, failures: usize) -> Vec<u64> {
        let seconds = Duration::from_secs;
        let mut attempts = Attempts::new(seconds(schedule), seconds(2.min(schedule)));
        let now = Instant::now();
        let pause = |_| {
            attempts.end(Outcome::Failed, now);
            let next = attempts.next.expect("it was put off");
            assert!(!attempts.is_due(now) && attempts.is_due(next));
            next.duration_since(now).as_secs()
        };
        (0..failures).map(pause).collect()
    }

    #[test]
    fn what_fails_is_tried_less_often() {
        assert_eq!(pauses(86_400, 10), [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(pauses(60, 7), [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pauses(1, 3), [1, 1, 1]);
        assert_eq!(pauses(86_400, 100).last(), Some(&300));
    }

    #[test]
    fn a_good_one_ends_it_and_somebody_elses_attempt_does_not() {
        let now = Instant::now();
        let mut attempts = Attempts::new(PAUSE_MAX, Duration::from_secs(2));
        assert!(attempts.is_due(now));
        attempts.end(Outcome::Failed, now);
        attempts.end(Outcome::Elsewhere, now);
        assert_eq!(attempts.failures, 1);
        attempts.end(Outcome::Made, now);
        assert!(attempts.failures == 0 && attempts.is_due(now));
    }
}
