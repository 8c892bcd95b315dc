//! Alerts: what is measured, when that is wrong, and what to do then. One table of rules, from which follow the
//! evaluation in the service, the rules file for Prometheus, the list on the command line and the documents.
//!
//! Pure like the rest of this crate: [`Readings`] are given, and so is the time.

mod measure;
mod promql;
mod rule;
mod rules;
mod thresholds;
mod watch;

pub use measure::{Labels, Matcher, Measure, Readings, Series};
pub use promql::{expression, number};
pub use rule::{Comparison, Condition, Rule, Severity, Step, Unit};
pub use rules::{NAMES, rules};
pub use thresholds::Thresholds;
pub use watch::{Change, Standing, Status, Watch};
