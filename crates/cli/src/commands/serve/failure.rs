//! Why the service did not start, or did not end well.

use taskward_config::Problems;
use taskward_ops::rollback::PlanReport;
use taskward_server::DrainTimedOut;
use taskward_store::StoreError;

/// A service that did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeFailure {
    /// The configuration has problems.
    #[error("{0}")]
    Config(Problems),
    /// The log file cannot be written.
    #[error("the log file cannot be opened")]
    Log(#[source] std::io::Error),
    /// The metrics cannot be recorded.
    #[error("the metrics cannot be set up")]
    Metrics(#[source] taskward_server::telemetry::metrics::AlreadyInstalled),
    /// Spans cannot be sent as the configuration says.
    #[error("traces cannot be set up")]
    Traces(#[source] taskward_server::telemetry::traces::TracesRefused),
    /// Signals cannot be received.
    #[error("signal handlers cannot be installed")]
    Signals(#[source] std::io::Error),
    /// The database cannot be used.
    #[error(transparent)]
    Store(StoreError),
    /// The schema has to be changed in a way that somebody should decide about.
    #[error("{}: migrations are pending that do more than add", .0.database)]
    Migration(Box<PlanReport>),
    /// The port cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Host and port.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// Requests were cut off at the end of the drain.
    #[error(transparent)]
    Drain(DrainTimedOut),
    /// A second signal ended the drain; the value is the exit status.
    #[error("ended at once by a second signal")]
    Interrupted(u8),
}
