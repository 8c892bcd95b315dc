//! What a rule looks at: a number, or one for each group of labels.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Some of a metric's series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    /// The name as in `/metrics`; of a histogram, with `_count` or without, as the measure wants it.
    pub metric: &'static str,
    /// Which of its series; all of them when empty.
    pub only: &'static [Matcher],
}

/// Picks series by a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matcher {
    /// The label has this value.
    Is(&'static str, &'static str),
    /// The label has another value, or there is no such label.
    IsNot(&'static str, &'static str),
    /// The label's value begins like this.
    Begins(&'static str, &'static str),
}

/// As in PromQL.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(label, value) => write!(f, "{label}=\"{value}\""),
            Self::IsNot(label, value) => write!(f, "{label}!=\"{value}\""),
            Self::Begins(label, prefix) => write!(f, "{label}=~\"{prefix}.*\""),
        }
    }
}

impl Series {
    /// All series of a metric.
    pub const fn all(metric: &'static str) -> Self {
        Self { metric, only: &[] }
    }
}

/// A number that is made of series, for each group of labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// A quantile of what a histogram counted within the window.
    Quantile {
        /// Which: 0.95.
        quantile: f64,
        /// The histogram.
        of: Series,
        /// How far back.
        window: Duration,
    },
    /// How much counters grew within the window, summed.
    Increase {
        /// The counters.
        of: Series,
        /// How far back.
        window: Duration,
    },
    /// The growth of some counters as a share of the growth of others. None when the others did not grow.
    Share {
        /// The counters above the line.
        part: Series,
        /// The counters below it.
        whole: Series,
        /// How far back.
        window: Duration,
    },
    /// The highest of some gauges now.
    Highest(Series),
    /// The lowest of some gauges now.
    Lowest(Series),
    /// The used share of something of which a part is free, now. None of what has no size.
    Used {
        /// How much is free.
        free: Series,
        /// How much there is.
        size: Series,
    },
}

/// The labels of a group with their values, in the order in which the rule names them.
pub type Labels = Vec<(&'static str, String)>;

/// What is known about the service.
pub trait Readings {
    /// The measure for each group of these labels; no group where there is no data, and then never a zero.
    fn read(&self, measure: &Measure, by: &'static [&'static str]) -> BTreeMap<Labels, f64>;
}
