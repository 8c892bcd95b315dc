//! The chapter "rollback", as far as it is about what the database holds: is it what it should be, and can it be elsewhere?

mod check;
mod transfer;

pub use check::{CheckReport, CheckStatus, Example, InvariantReport, check};
pub use transfer::{MoveReport, MovedTable, Transfer, transfer};
