//! The chapter "rollback", as far as it is about what the database holds: is it what it should be?

mod check;

pub use check::{CheckReport, CheckStatus, InvariantReport, check};
