//! Why a run could not go on.

use std::time::Duration;

use taskward_client::{ClientError, HumanDuration};

/// A run that could not go on.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The load is plain HTTP: encryption would be measured along.
    #[error("the load is sent over plain HTTP, and {0} is not an http:// URL")]
    NotHttp(String),
    /// A call failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nothing moved for too long.
    #[error("{scenario}: nothing was completed for {}; {left} tasks are unfinished", HumanDuration(*after))]
    Stalled {
        /// What was being done.
        scenario: &'static str,
        /// For how long nothing moved.
        after: Duration,
        /// What was still to be done.
        left: u64,
    },
}
