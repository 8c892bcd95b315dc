//! `taskward bench`: how fast the service is, measured as a client and a worker see it.
//!
//! A run has a queue of its own, keeps books of what was acknowledged, and compares them with the service's in
//! the end. Each scenario is a file; the load is as light as it can be, since it shares the machine with what it
//! measures.

mod batch;
mod claims;
mod connection;
mod drain;
mod error;
mod latencies;
mod latency;
mod ledger;
mod load;
mod measured;
mod meter;
mod one_by_one;
mod options;
mod pace;
mod progress;
mod report;
mod run;
mod single;
mod steady;
mod workers;

pub use error::BenchError;
pub use latencies::Percentiles;
pub use ledger::Balance;
pub use measured::{Backlog, Latency};
pub use meter::Spent;
pub use options::{BenchOptions, Scenario};
pub use progress::{Progress, Stage};
pub use report::{BenchReport, Machine, ScenarioResult, ServiceFacts, Spread, Summary};
pub use run::{BenchFailure, Subject, health, run};
