//! `metrics`: whether the service counts what it does.

use super::section;
use crate::schema::Kind;

section! {
    /// What the service counts of what it does.
    Metrics = "metrics" {
        /// Whether requests, tasks and transactions are counted, and six hours of figures kept. With `false`, `/metrics`
        /// has only what is read at that moment, the process and the machine above all; `taskward metrics show` and the
        /// charts have no data, and of all alerts only DatabaseDown can fire. It is there to be measured against:
        /// counting costs next to nothing (docs/performance.md).
        enabled: bool = Kind::Boolean, default: "true";
    }
}
