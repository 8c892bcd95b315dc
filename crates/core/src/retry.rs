//! When a failed attempt is tried again.

use std::time::Duration;

/// Exponential backoff with jitter: attempt `n` waits `initial · factor^(n-1)`, at most `max`, spread by
/// ± `jitter` of itself so that tasks that failed together do not come back together.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// The wait after the first failed attempt.
    pub initial: Duration,
    /// What each further attempt multiplies the wait with; at least 1.
    pub factor: f64,
    /// The longest wait, before jitter.
    pub max: Duration,
    /// The spread, as a share of the wait: 0.1 is ± 10 %.
    pub jitter: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { initial: Duration::from_secs(5), factor: 2.0, max: Duration::from_secs(3600), jitter: 0.1 }
    }
}

impl RetryPolicy {
    /// The wait after attempt number `attempt` (from 1) failed. `draw` is a random number in `[0, 1)`.
    pub fn delay(&self, attempt: u32, draw: f64) -> Duration {
        // Zero times infinity is no number.
        if self.initial.is_zero() {
            return Duration::ZERO;
        }
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let wait = self.initial.as_secs_f64() * self.factor.powi(exponent);
        let capped = wait.min(self.max.as_secs_f64());
        let spread = capped * (1.0 + self.jitter * (2.0 * draw - 1.0));
        Duration::try_from_secs_f64(spread.max(0.0)).unwrap_or(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(policy: &RetryPolicy, attempt: u32) -> u64 {
        policy.delay(attempt, 0.5).as_secs()
    }

    #[test]
    fn doubles_up_to_the_cap() {
        let policy = RetryPolicy::default();
        assert_eq!([1, 2, 3, 4].map(|n| secs(&policy, n)), [5, 10, 20, 40]);
        assert_eq!(secs(&policy, 30), 3600);
        assert_eq!(secs(&policy, u32::MAX), 3600);
    }

    #[test]
    fn no_wait_stays_no_wait() {
        let policy = RetryPolicy { initial: Duration::ZERO, factor: 100.0, ..RetryPolicy::default() };
        assert_eq!(policy.delay(1000, 0.9), Duration::ZERO);
    }

    #[test]
    fn jitter_spreads_both_ways() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(1, 0.0), Duration::from_millis(4500));
        assert!(policy.delay(1, 0.999_999) > Duration::from_millis(5499));
    }
}
