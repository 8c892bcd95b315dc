//! The chapter "service": is it up, can it work.

mod health;

pub use health::{HealthReport, Verdict, ask};
