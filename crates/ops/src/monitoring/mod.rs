//! The chapter "monitoring": what is measured, when that is wrong, and what to do then.

mod document;
mod metrics;
mod replay;
mod rules_file;

pub use document::alerts_document;
pub use metrics::Group;
pub use replay::{Replay, ReplayReport, Scenario, UnknownRule, replay};
pub use rules_file::{RulesFile, rules_file};
