//! Tasks, for those who create and operate them.

pub(crate) mod batch;
pub(crate) mod cancel;
pub(crate) mod create;
pub(crate) mod get;
mod idempotency;
pub(crate) mod list;
pub(crate) mod retry;
