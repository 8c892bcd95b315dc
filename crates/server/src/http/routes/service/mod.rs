//! The service itself.

pub(crate) mod metrics;
pub(crate) mod metrics_summary;
pub(crate) mod openapi;
pub(crate) mod test;
