//! The log, the metrics, and what the metrics' last hour comes to.

pub mod history;
pub mod logging;
pub mod metrics;
pub mod summary;
