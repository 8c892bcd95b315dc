//! What rules ask, answered from the history of the metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use taskward_core::alert::{Labels, Matcher, Measure, Readings, Series};

use crate::telemetry::history::History;

/// The history, and what is not a metric there.
pub(super) struct FromHistory<'a> {
    pub(super) history: &'a History,
    /// Whether the database answered last.
    pub(super) database_up: Option<bool>,
}

impl Readings for FromHistory<'_> {
    fn read(&self, measure: &Measure, by: &'static [&'static str]) -> BTreeMap<Labels, f64> {
        match measure {
            Measure::Quantile { quantile, of, window } => {
                let (name, labels) = question(of);
                whole(self.history.quantile(*quantile, name, &labels, *window))
            }
            Measure::Increase { of, window } => self.increase(of, by, *window),
            Measure::Share { part, whole, window } => {
                let part = self.increase(part, by, *window);
                let mut whole = self.increase(whole, by, *window);
                whole.retain(|_, whole| *whole > 0.0);
                let share = |(labels, whole): (Labels, f64)| {
                    let part = part.get(&labels).copied().unwrap_or(0.0);
                    (labels, part / whole)
                };
                whole.into_iter().map(share).collect()
            }
            Measure::Highest(of) | Measure::Lowest(of) => self.latest(of, by),
            Measure::Used { free, size } => {
                let free = self.latest(free, by);
                let mut size = self.latest(size, by);
                size.retain(|labels, size| *size > 0.0 && free.contains_key(labels));
                size.into_iter().map(|(labels, size)| (labels.clone(), 1.0 - free[&labels] / size)).collect()
            }
        }
    }
}

impl FromHistory<'_> {
    fn increase(&self, of: &Series, by: &'static [&'static str], window: Duration) -> BTreeMap<Labels, f64> {
        let (name, labels) = question(of);
        match by {
            [] => whole(self.history.increase(name, &labels, window)),
            [label, ..] => divided(label, self.history.increase_by(name, &labels, label, window)),
        }
    }

    /// A gauge has one series for a group here: the highest is the lowest.
    fn latest(&self, of: &Series, by: &'static [&'static str]) -> BTreeMap<Labels, f64> {
        if of.metric == "taskward_database_up" {
            return whole(self.database_up.map(|up| if up { 1.0 } else { 0.0 }));
        }
        let (name, labels) = question(of);
        match by {
            [] => whole(self.history.latest(name, &labels)),
            [label, ..] => divided(label, self.history.latest_by(name, &labels, label)),
        }
    }
}

/// A series as the history is asked for it: a histogram's count has no name of its own there, and a status is
/// kept as its class. It keeps the routes whose callers wait apart from the others, by the name `pace`.
fn question(series: &Series) -> (&'static str, Vec<(&'static str, &'static str)>) {
    let mut labels = Vec::new();
    for matcher in series.only {
        let label = match *matcher {
            Matcher::Is(label, value) => (label, value),
            Matcher::Begins("status", "5") => ("status", "5xx"),
            Matcher::Begins(label, prefix) => (label, prefix),
            Matcher::IsNot(..) => ("pace", "prompt"),
        };
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    (series.metric.strip_suffix("_count").unwrap_or(series.metric), labels)
}

fn whole(value: Option<f64>) -> BTreeMap<Labels, f64> {
    value.map(|value| (Labels::new(), value)).into_iter().collect()
}

fn divided(label: &'static str, values: Vec<(String, f64)>) -> BTreeMap<Labels, f64> {
    values.into_iter().map(|(name, value)| (vec![(label, name)], value)).collect()
}
