//! The same rule for Prometheus.

use std::fmt::Write;
use std::time::Duration;

use super::{Condition, Matcher, Measure, Rule, Series};
use crate::duration;

/// Labels that keep services apart: Prometheus may scrape more than one.
const JOB: &str = "job";
const INSTANCE: &str = "instance";

/// The expression that yields a series for each alert. Once an alert fires, its resolve threshold counts:
/// Prometheus knows by the series `ALERTS`.
pub fn expression(rule: &Rule) -> String {
    let by = labels(rule).join(", ");
    let mut text = condition(rule, &rule.when);
    if rule.when.resolve != rule.when.threshold {
        let goes_on = Condition { threshold: rule.when.resolve, ..rule.when };
        let firing = format!("ALERTS{{alertname=\"{}\", alertstate=\"firing\"}}", rule.name);
        text = format!("{text}\nor\n  {} and on ({by}) {firing}", condition(rule, &goes_on));
        if !rule.and.is_empty() {
            text = format!("(\n  {}\n)", text.replace('\n', "\n  "));
        }
    }
    for guard in &rule.and {
        let guard = condition(rule, guard);
        // Writing to a text cannot fail.
        let _ = write!(text, "\nand on ({by})\n  {guard}");
    }
    text
}

/// One condition of a rule.
fn condition(rule: &Rule, condition: &Condition) -> String {
    format!("{} {} {}", number(rule, &condition.measure), condition.is.as_str(), plain(condition.threshold))
}

/// What the expression's series are told apart by.
fn labels(rule: &Rule) -> Vec<&'static str> {
    let instance = rule.per_instance.then_some(INSTANCE);
    [JOB].into_iter().chain(instance).chain(rule.by.iter().copied()).collect()
}

/// What a rule's condition looks at, without a threshold: a series for each group.
pub fn number(rule: &Rule, measure: &Measure) -> String {
    measured(measure, &labels(rule).join(", "))
}

fn measured(measure: &Measure, by: &str) -> String {
    let grown = |of: &Series, window: Duration| {
        format!("sum by ({by}) (increase({}[{}]))", selector(of), duration::format(window))
    };
    match measure {
        Measure::Quantile { quantile, of, window } => {
            let buckets = selector(of).replacen(of.metric, &format!("{}_bucket", of.metric), 1);
            let window = duration::format(*window);
            format!("histogram_quantile({quantile}, sum by ({by}, le) (rate({buckets}[{window}])))")
        }
        Measure::Increase { of, window } => grown(of, *window),
        Measure::Share { part, whole, window } => {
            format!("{} / {}", grown(part, *window), grown(whole, *window))
        }
        Measure::Highest(of) => format!("max by ({by}) ({})", selector(of)),
        Measure::Lowest(of) => format!("min by ({by}) ({})", selector(of)),
        Measure::Used { free, size } => {
            format!("1 - min by ({by}) ({}) / min by ({by}) ({})", selector(free), selector(size))
        }
    }
}

fn selector(series: &Series) -> String {
    let only: Vec<_> = series.only.iter().map(Matcher::to_string).collect();
    if only.is_empty() {
        series.metric.to_owned()
    } else {
        format!("{}{{{}}}", series.metric, only.join(", "))
    }
}

/// A number without the noise of binary fractions.
fn plain(value: f64) -> String {
    let rounded = (value * 1e9).round() / 1e9;
    rounded.to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{Thresholds, rules};
    use super::*;

    fn of(name: &str) -> String {
        let rule = rules(&Thresholds::default()).into_iter().find(|rule| rule.name == name).expect(name);
        expression(&rule)
    }

    #[test]
    fn a_rule_says_the_same_to_prometheus() {
        assert_eq!(of("DatabaseDown"), "min by (job, instance) (taskward_database_up) < 1");
        assert_eq!(
            of("DeadTasks"),
            "sum by (job, queue) (increase(taskward_tasks_finished_total{state=\"dead\"}[10m])) > 10"
        );
    }

    #[test]
    fn hysteresis_and_minimum_traffic() {
        assert_eq!(
            of("ErrorRate"),
            "(\n  \
               sum by (job) (increase(taskward_http_request_duration_seconds_count{status=~\"5.*\"}[5m])) / \
               sum by (job) (increase(taskward_http_request_duration_seconds_count[5m])) > 0.05\n  \
               or\n    \
               sum by (job) (increase(taskward_http_request_duration_seconds_count{status=~\"5.*\"}[5m])) / \
               sum by (job) (increase(taskward_http_request_duration_seconds_count[5m])) > 0.04 \
               and on (job) ALERTS{alertname=\"ErrorRate\", alertstate=\"firing\"}\n\
             )\n\
             and on (job)\n  \
               sum by (job) (increase(taskward_http_request_duration_seconds_count[5m])) >= 20"
        );
    }
}
