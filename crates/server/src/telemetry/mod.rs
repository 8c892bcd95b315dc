//! The log, the metrics, what the metrics' last hour comes to, and the traces.

pub mod history;
pub mod log;
pub mod metrics;
pub mod summary;
pub mod traces;
