//! The log, the metrics, and the metrics' last hour.

pub mod history;
pub mod logging;
pub mod metrics;
