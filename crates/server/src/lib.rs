//! The Taskward service: an HTTP interface over a group-committing engine over a task store.
//!
//! - [`http`] turns requests into calls of the engine, and errors into problems; `http/router.rs` lists
//!   every route.
//! - [`engine`] gathers what many requests want into few store calls: one transaction for all tasks that
//!   arrive while the previous one commits, one claim for all workers that wait.
//! - [`maintenance`] holds the loops that need nobody's request: promoting due tasks, rescuing expired
//!   leases, pruning history.
//! - [`mode`] says whether writes are taken: it watches the database, and keeps what an operator said.
//! - [`alerts`] watches the rules and tells people.
//! - `dashboard/` has the pages for people, made of what the HTTP interface answers.
//! - [`telemetry`] is the log, the metrics and the traces.
//!
//! The crate knows the store traits, not the databases; what to open is decided by the binary.

pub mod alerts;
mod dashboard;
pub mod engine;
pub mod http;
pub mod maintenance;
pub mod mode;
mod outgoing;
pub mod server;
pub mod settings;
pub mod telemetry;

pub use mode::{Mode, ModeSwitch};
pub use server::{DrainTimedOut, Server};
pub use settings::Settings;
