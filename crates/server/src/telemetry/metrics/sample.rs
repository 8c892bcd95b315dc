//! Metrics at one moment.

use super::description::Metric;
use super::reference::metric;

/// A series at a moment.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What it is a series of.
    pub metric: &'static Metric,
    /// Its labels, in the order of the metric's.
    pub labels: Vec<(&'static str, String)>,
    /// Its value.
    pub value: Value,
}

/// The value of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram.
    Buckets {
        /// Observations by bound, not cumulative; the last is what was beyond every bound.
        counts: Vec<u64>,
        /// The sum of all observations.
        sum: f64,
    },
}

/// Everything there is to know at a moment.
#[derive(Debug, Default)]
pub struct Samples(Vec<Sample>);

impl Samples {
    /// Adds a counter or a gauge. Its labels come in the order of the metric's. What is not described does not
    /// exist.
    pub fn add(&mut self, name: &str, labels: &[(&'static str, &str)], value: f64) {
        let Some(metric) = metric(name) else {
            debug_assert!(false, "{name} is not described");
            return;
        };
        debug_assert!(
            labels.iter().map(|(label, _)| label).eq(metric.labels),
            "the labels of {name} are {:?}",
            metric.labels
        );
        let labels = labels.iter().map(|(label, value)| (*label, (*value).to_owned())).collect();
        self.0.push(Sample { metric, labels, value: Value::Number(value) });
    }

    /// Adds what may be unknown, and then is absent.
    pub fn add_known(&mut self, name: &str, labels: &[(&'static str, &str)], value: Option<f64>) {
        if let Some(value) = value {
            self.add(name, labels, value);
        }
    }

    /// Adds any series.
    pub fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    /// All of them.
    pub fn as_slice(&self) -> &[Sample] {
        &self.0
    }
}
