//! The level of the log.

pub(crate) mod get;
pub(crate) mod set;
