//! `/api/v1/tasks`.

mod batch;
mod cancel;
mod create;
mod get;
mod idempotency;
mod list;
mod retry;
mod trace;
