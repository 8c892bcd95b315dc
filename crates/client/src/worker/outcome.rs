//! What became of an attempt, and what of it is reported.

use std::time::Duration;

use taskward_api::{ErrorReport, HumanDuration, Json, ResultItem, ResultOutcome};

use super::StopReason;

/// What became of an attempt.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It succeeded, with a result or without.
    Completed(Option<Json>),
    /// It failed.
    Failed {
        /// What went wrong.
        error: ErrorReport,
        /// Whether trying again could help.
        retryable: bool,
        /// When to try again; wins over the task's retry policy.
        retry_after: Option<Duration>,
    },
    /// It is put off; no attempt is used.
    Snoozed(Duration),
    /// It is given back; no attempt is used.
    Released,
}

impl Outcome {
    /// A failure that may be tried again.
    pub fn failed(kind: impl Into<String>, message: impl Into<String>) -> Self {
        let error = ErrorReport { kind: kind.into(), message: message.into(), trace: None };
        Self::Failed { error, retryable: true, retry_after: None }
    }

    /// A failure that trying again would repeat.
    pub fn failed_for_good(kind: impl Into<String>, message: impl Into<String>) -> Self {
        let error = ErrorReport { kind: kind.into(), message: message.into(), trace: None };
        Self::Failed { error, retryable: false, retry_after: None }
    }

    /// What kind of outcome it is.
    pub fn kind(&self) -> ResultOutcome {
        match self {
            Self::Completed(_) => ResultOutcome::Completed,
            Self::Failed { .. } => ResultOutcome::Failed,
            Self::Snoozed(_) => ResultOutcome::Snoozed,
            Self::Released => ResultOutcome::Released,
        }
    }

    /// The report of this outcome on a lease.
    pub(crate) fn into_item(self, id: uuid::Uuid, lease_token: String) -> ResultItem {
        let outcome = self.kind();
        let mut item = ResultItem {
            id,
            lease_token,
            outcome,
            result: None,
            error: None,
            retryable: None,
            retry_after: None,
            delay: None,
        };
        match self {
            Self::Completed(result) => item.result = result,
            Self::Failed { error, retryable, retry_after } => {
                item.error = Some(error);
                item.retryable = Some(retryable);
                item.retry_after = retry_after.map(Into::into);
            }
            Self::Snoozed(delay) => item.delay = Some(delay.into()),
            Self::Released => {}
        }
        item
    }
}

/// What is reported for an attempt that was told to stop for `reason`, or not; `None` reports nothing.
///
/// `returned` is what the handler returned, `None` when it had to be dropped. Work that was completed
/// although it was told to stop counts, except past the timeout, where it is too late by definition.
pub(crate) fn reported(
    timeout: HumanDuration,
    reason: Option<StopReason>,
    returned: Option<Outcome>,
) -> Option<Outcome> {
    match (reason, returned) {
        (Some(StopReason::LeaseLost), _) => None,
        (Some(StopReason::TimedOut), _) => {
            Some(Outcome::failed("timeout", format!("the attempt ran longer than {timeout}")))
        }
        (None, Some(outcome)) | (Some(_), Some(outcome @ Outcome::Completed(_))) => Some(outcome),
        // A cancelled task that is given back becomes cancelled.
        (_, _) => Some(Outcome::Released),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(reason: Option<StopReason>, returned: Option<Outcome>) -> Option<ResultOutcome> {
        reported(HumanDuration(Duration::from_secs(1)), reason, returned).map(|outcome| outcome.kind())
    }

    #[test]
    fn what_is_reported_depends_on_why_the_task_stopped() {
        use ResultOutcome::{Completed, Failed, Released};
        let done = || Some(Outcome::Completed(None));
        let failed = || Some(Outcome::failed("x", "y"));
        assert_eq!(kind(None, done()), Some(Completed));
        assert_eq!(kind(None, failed()), Some(Failed));
        for reason in [StopReason::CancelRequested, StopReason::Draining, StopReason::LeaseExpired] {
            assert_eq!(kind(Some(reason), done()), Some(Completed), "{reason:?}");
            assert_eq!(kind(Some(reason), failed()), Some(Released), "{reason:?}");
            assert_eq!(kind(Some(reason), None), Some(Released), "{reason:?}");
        }
        assert_eq!(kind(Some(StopReason::TimedOut), done()), Some(Failed));
        assert_eq!(kind(Some(StopReason::LeaseLost), done()), None);
    }
}
