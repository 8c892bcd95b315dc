//! The chapter "verification": lists of checks, each answered by evidence and not by a tick.

mod checklist;
mod start;

pub use checklist::{Check, Checklist};
pub use start::{StartSettings, start};
