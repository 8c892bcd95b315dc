//! The service itself.

pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod test;
