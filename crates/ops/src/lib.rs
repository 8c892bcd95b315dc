//! Operations: one folder per chapter of the runbook.
//!
//! Each operation returns a value that says what was found or done; printing and exit codes are the
//! binary's business.

pub mod backup;
pub mod config;
pub mod database;
pub mod diagnosis;
pub mod logs;
pub mod monitoring;
pub mod rollback;
pub mod scaling;
pub mod service;
pub mod verification;

mod check_verdict;
mod paths;

pub use check_verdict::CheckVerdict;
