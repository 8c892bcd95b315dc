//! Prometheus's text format, version 0.0.4.

use std::cmp::Ordering;
use std::fmt::Write;

use super::description::{Kind, Metric};
use super::sample::{Samples, Value};

/// Up to here every whole float is that whole number.
const WHOLE_MAX: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;

/// The samples as text, sorted by name and labels. It is likely to have some `bytes`.
pub(super) fn render(samples: &Samples, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes);
    let mut last: Option<&Metric> = None;
    // Of the metric at hand: thousands of lines end with the same few.
    let mut ends = Vec::new();
    for (metric, labels, value) in sorted(samples) {
        if last.is_none_or(|last| last.name != metric.name) {
            // Writing to a String does not fail, here and below.
            let (name, kind) = (metric.name, metric.kind.as_str());
            let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help);
            last = Some(metric);
            ends = bucket_ends(metric.kind);
        }
        match value {
            Value::Buckets { counts, sum } => {
                histogram(&mut text, metric.name, &labels, &ends, counts, *sum);
            }
            Value::Number(value) => line(&mut text, metric.name, "", &labels, *value),
        }
    }
    text
}

/// Series of a metric together, and in a stable order. The labels are written before, since they are compared often.
fn sorted(samples: &Samples) -> Vec<(&'static Metric, String, &Value)> {
    let series = samples.as_slice().iter();
    let series = series.map(|sample| (sample.metric, labels(&sample.labels), &sample.value));
    let mut series: Vec<_> = series.collect();
    series.sort_unstable_by(|(a, a_labels, _), (b, b_labels, _)| {
        let metrics = if std::ptr::eq(*a, *b) { Ordering::Equal } else { a.name.cmp(b.name) };
        metrics.then_with(|| a_labels.cmp(b_labels))
    });
    series
}

/// What comes between the labels and the value of each bucket of a histogram.
fn bucket_ends(kind: Kind) -> Vec<String> {
    let Kind::Histogram(bounds) = kind else { return Vec::new() };
    let bounds = bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    bounds.map(|bound| format!("le=\"{bound}\"}} ")).collect()
}

fn histogram(text: &mut String, name: &str, labels: &str, ends: &[String], counts: &[u64], sum: f64) {
    let separator = if labels.is_empty() { "" } else { "," };
    let begin = format!("{name}_bucket{{{labels}{separator}");
    let mut cumulative = 0;
    let mut digits = itoa::Buffer::new();
    for (end, count) in ends.iter().zip(counts) {
        cumulative += count;
        for part in [&begin, end, digits.format(cumulative), "\n"] {
            text.push_str(part);
        }
    }
    line(text, name, "_sum", labels, sum);
    line(text, name, "_count", labels, cumulative as f64);
}

fn line(text: &mut String, name: &str, suffix: &str, labels: &str, value: f64) {
    let (open, close) = if labels.is_empty() { ("", " ") } else { ("{", "} ") };
    for part in [name, suffix, open, labels, close] {
        text.push_str(part);
    }
    // Most are whole, which is written five times as fast.
    if value.fract() == 0.0 && value.abs() < WHOLE_MAX {
        text.push_str(itoa::Buffer::new().format(value as i64));
    } else {
        let _ = write!(text, "{value}");
    }
    text.push('\n');
}

/// `name="value",…`. Queues may have any name.
fn labels(labels: &[(&'static str, String)]) -> String {
    let mut text = String::new();
    for (name, value) in labels {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        if !value.contains(['\\', '"', '\n']) {
            text.push_str(value);
            text.push('"');
            continue;
        }
        for character in value.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Sample, metric};
    use super::*;

    #[test]
    fn a_metric_is_described_once_and_its_series_are_sorted_and_escaped() {
        let mut samples = Samples::default();
        samples.add("taskward_tasks_created_total", &[("queue", "b\"\\\n")], 2.0);
        samples.add("process_open_fds", &[], 7.0);
        samples.add("taskward_tasks_created_total", &[("queue", "a")], 1.0);
        let text = render(&samples, 0);
        let help = metric("taskward_tasks_created_total").expect("described").help;
        let expected = format!(
            "# HELP taskward_tasks_created_total {help}\n# TYPE taskward_tasks_created_total counter\n\
             taskward_tasks_created_total{{queue=\"a\"}} 1\n\
             taskward_tasks_created_total{{queue=\"b\\\"\\\\\\n\"}} 2\n"
        );
        assert!(text.ends_with(&expected), "{text}");
        assert!(text.starts_with("# HELP process_open_fds "), "{text}");
    }

    #[test]
    fn buckets_are_cumulative_and_end_with_infinity() {
        let metric = metric("taskward_engine_batch_items").expect("described");
        let Kind::Histogram(bounds) = metric.kind else { panic!("a histogram") };
        let mut counts = vec![0; bounds.len() + 1];
        counts[0] = 3;
        counts[bounds.len()] = 1;
        let labels = vec![("verb", "v".to_owned())];
        let mut samples = Samples::default();
        samples.push(Sample { metric, labels, value: Value::Buckets { counts, sum: 5003.5 } });
        let text = render(&samples, 0);
        for line in [
            "taskward_engine_batch_items_bucket{verb=\"v\",le=\"1\"} 3\n",
            "taskward_engine_batch_items_bucket{verb=\"v\",le=\"1000\"} 3\n",
            "taskward_engine_batch_items_bucket{verb=\"v\",le=\"+Inf\"} 4\n",
            "taskward_engine_batch_items_sum{verb=\"v\"} 5003.5\n",
            "taskward_engine_batch_items_count{verb=\"v\"} 4\n",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
