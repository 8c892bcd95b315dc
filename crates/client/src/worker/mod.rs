//! The worker loop: claim, keep the leases, run the handler, report.
//!
//! - It claims as many tasks as it has free slots, and none while its heartbeats fail.
//! - One loop keeps all leases, by a heartbeat every third of a lease.
//! - A task is told to stop (see [`StopReason`]) when its lease is lost, when somebody cancelled it, when
//!   it runs over its timeout, and when the lease is over because no heartbeat arrived.
//! - Results are reported in batches: at once at low load, and what accumulates while a request is in
//!   flight goes into the next. A result is kept, and its lease with it, until it is delivered or refused.
//! - A worker that is shut down stops claiming, lets its tasks finish for `drain_timeout`, and gives the
//!   rest back.

mod attempt;
mod claim;
mod counts;
mod handler;
mod heartbeat;
mod leased;
mod options;
mod outcome;
mod report;
mod run;
mod running;
mod stop;

pub use counts::{Counts, CountsNow};
pub use handler::{Handler, TaskContext};
pub use options::WorkerOptions;
pub use outcome::Outcome;
pub use run::Worker;
pub use stop::{Stop, StopReason};

#[cfg(test)]
pub(crate) use running::tests::task as test_task;
