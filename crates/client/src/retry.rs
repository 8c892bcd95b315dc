//! Whether a failed request is sent again, and when.

use std::time::Duration;

use crate::{ClientError, RetryPolicy};

/// What repeating a call could do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The same as calling once: the call only reads, or the service recognises the repetition.
    Safe,
    /// Something twice: it is repeated only when the first request certainly changed nothing.
    Unsafe,
}

/// The wait before the next request, or `None` when there is to be none.
///
/// `requests` were sent so far, the first of them `elapsed` ago; `draw`, in `[0, 1)`, spreads clients.
pub(crate) fn delay(
    policy: &RetryPolicy,
    repeat: Repeat,
    error: &ClientError,
    requests: u32,
    elapsed: Duration,
    draw: f64,
) -> Option<Duration> {
    let allowed = error.is_transient() && (repeat == Repeat::Safe || error.changed_nothing());
    if !allowed || requests >= policy.attempts_max {
        return None;
    }
    let backoff = backoff(policy, requests, draw);
    let delay = error.retry_after().map_or(backoff, |asked| asked + backoff.mul_f64(0.25));
    (elapsed + delay <= policy.elapsed_max).then_some(delay)
}

/// Exponential, between half and all of the step.
pub(crate) fn backoff(policy: &RetryPolicy, requests: u32, draw: f64) -> Duration {
    let step = policy.initial.saturating_mul(1 << requests.saturating_sub(1).min(20)).min(policy.max);
    step.mul_f64(0.5 + 0.5 * draw.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use taskward_api::{Problem, ProblemCode};

    use super::*;

    fn cut_off(sent: bool) -> ClientError {
        ClientError::Unreachable { url: "http://x".to_owned(), sent, source: "reset".into() }
    }

    fn problem(code: ProblemCode, retry_after: Option<Duration>) -> ClientError {
        ClientError::Problem { problem: Box::new(Problem::new(code, "no")), retry_after }
    }

    fn first(repeat: Repeat, error: &ClientError) -> Option<Duration> {
        delay(&RetryPolicy::default(), repeat, error, 1, Duration::ZERO, 0.0)
    }

    #[test]
    fn a_request_that_may_have_arrived_is_repeated_only_when_safe() {
        assert!(first(Repeat::Safe, &cut_off(true)).is_some());
        assert!(first(Repeat::Unsafe, &cut_off(true)).is_none());
        assert!(first(Repeat::Unsafe, &cut_off(false)).is_some());
        assert!(first(Repeat::Unsafe, &problem(ProblemCode::Overloaded, None)).is_some());
        assert!(first(Repeat::Unsafe, &problem(ProblemCode::DatabaseUnavailable, None)).is_none());
    }

    #[test]
    fn a_definite_refusal_is_never_repeated() {
        for code in [ProblemCode::ValidationFailed, ProblemCode::LeaseLost, ProblemCode::Unauthorized] {
            assert!(first(Repeat::Safe, &problem(code, None)).is_none(), "{code}");
        }
    }

    #[test]
    fn the_service_says_when() {
        let asked = Duration::from_secs(2);
        let wait = first(Repeat::Safe, &problem(ProblemCode::Draining, Some(asked))).expect("a wait");
        assert!(wait >= asked && wait < asked + Duration::from_millis(100), "{wait:?}");
        let too_late = Duration::from_secs(3600);
        assert!(first(Repeat::Safe, &problem(ProblemCode::ReadOnly, Some(too_late))).is_none());
    }

    #[test]
    fn attempts_are_counted_and_waits_grow_to_a_limit() {
        let policy = RetryPolicy::default();
        assert!(delay(&policy, Repeat::Safe, &cut_off(true), 5, Duration::ZERO, 0.0).is_none());
        assert_eq!(backoff(&policy, 1, 1.0), Duration::from_millis(100));
        assert_eq!(backoff(&policy, 3, 1.0), Duration::from_millis(400));
        assert_eq!(backoff(&policy, u32::MAX, 1.0), policy.max);
    }
}
