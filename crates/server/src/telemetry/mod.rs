//! The log, the metrics, and what the metrics' last hour comes to.

pub mod history;
pub mod log;
pub mod metrics;
pub mod summary;
