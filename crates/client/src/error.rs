//! Why a call did not succeed. No text here ever holds the API key.

use std::error::Error;
use std::time::Duration;

use taskward_api::{Problem, ProblemCode};

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The URL of the service cannot be used.
    #[error("the service's URL cannot be used: {0}")]
    InvalidUrl(String),
    /// The API key has characters that a header cannot carry.
    #[error("the API key has characters that an HTTP header cannot carry")]
    InvalidKey,
    /// The request cannot be written.
    #[error("the request cannot be sent: {0}")]
    InvalidRequest(String),
    /// No connection to the service, or it was cut off.
    #[error("the service at {url} cannot be reached")]
    Unreachable {
        /// Where the service was looked for.
        url: String,
        /// Whether the request may have arrived.
        sent: bool,
        /// What the network said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The service did not answer in time.
    #[error("the service at {url} did not answer within {}", taskward_api::HumanDuration(*after))]
    TimedOut {
        /// Where the service is.
        url: String,
        /// Whether the request may have arrived.
        sent: bool,
        /// How long the request was given.
        after: Duration,
    },
    /// The service refused the call and said why.
    #[error("{}: {}", problem.code, problem.detail)]
    Problem {
        /// What it said.
        problem: Box<Problem>,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The answer is not one of this service's.
    #[error("{url} gave an answer that Taskward does not give: {detail}")]
    Protocol {
        /// Who answered.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with the answer.
        detail: String,
    },
}

impl ClientError {
    /// The code of the problem, when the service refused the call.
    pub fn code(&self) -> Option<ProblemCode> {
        if let Self::Problem { problem, .. } = self { Some(problem.code) } else { None }
    }

    /// When the service wants to be asked again, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Problem { retry_after, .. } = self { *retry_after } else { None }
    }

    /// Whether the same call may succeed later with nothing changed by anybody.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            Self::Problem { problem, .. } => {
                matches!(problem.status, 408 | 429 | 503) || problem.code == ProblemCode::Internal
            }
            Self::Protocol { status, .. } => matches!(status, 502..=504),
            Self::InvalidUrl(_) | Self::InvalidKey | Self::InvalidRequest(_) => false,
        }
    }

    /// Whether the call certainly changed nothing.
    pub fn changed_nothing(&self) -> bool {
        match self {
            Self::InvalidUrl(_) | Self::InvalidKey | Self::InvalidRequest(_) => true,
            Self::Unreachable { sent, .. } | Self::TimedOut { sent, .. } => !sent,
            Self::Problem { problem, .. } => !matches!(
                problem.code,
                ProblemCode::Timeout | ProblemCode::Internal | ProblemCode::DatabaseUnavailable
            ),
            Self::Protocol { .. } => false,
        }
    }
}
