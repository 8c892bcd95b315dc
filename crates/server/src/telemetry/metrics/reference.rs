//! Every metric there is: the one table that the exposition, the history and `docs/metrics.md` are made of.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::LazyLock;

use super::description::{Kind, Metric, Shown};
use super::{
    alerts, backups, cgroup, disk, engine, host, http, process, queues, service, store, tasks, traces,
};

/// The metrics, by what they are about.
const REFERENCE: &[(&str, &[Metric])] = &[
    ("Requests", http::METRICS),
    ("Tasks", tasks::METRICS),
    ("Queues and workers", queues::METRICS),
    ("The engine", engine::METRICS),
    ("The database", store::METRICS),
    ("The service", service::METRICS),
    ("Alerts", alerts::METRICS),
    ("Backups", backups::METRICS),
    ("Traces", traces::METRICS),
    ("The process", process::METRICS),
    ("Disk space", disk::METRICS),
    ("The machine", host::METRICS),
    ("The control group", cgroup::METRICS),
];

static BY_NAME: LazyLock<HashMap<&str, &Metric>> =
    LazyLock::new(|| all().map(|metric| (metric.name, metric)).collect());

/// Every metric, in the order of the reference.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    REFERENCE.iter().flat_map(|(_, metrics)| *metrics)
}

/// The metric of this name.
pub fn metric(name: &str) -> Option<&'static Metric> {
    BY_NAME.get(name).copied()
}

/// The tables of `docs/metrics.md`.
pub fn markdown() -> String {
    let mut text = String::new();
    for (title, metrics) in REFERENCE {
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "\n## {title}\n\n| Name | Type | Labels | Unit | Meaning | Shown |\n|---|---|---|---|---|---|"
        );
        for metric in *metrics {
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let shown = match metric.shown {
                Shown::Always => "always".to_owned(),
                Shown::After(event) => format!("once {event}"),
                Shown::Where(condition) => format!("where {condition}"),
            };
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} | {shown} |",
                metric.name,
                metric.kind.as_str(),
                labels.join(", "),
                metric.unit(),
                metric.help
            );
        }
        bounds(&mut text, metrics);
    }
    text
}

/// The bounds of a group's histograms, which are a contract with whoever draws them.
fn bounds(text: &mut String, metrics: &[Metric]) {
    for metric in metrics {
        if let Kind::Histogram(bounds) = metric.kind {
            let bounds: Vec<String> = bounds.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "\nBounds of `{}`: {}.", metric.name, bounds.join(", "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_histograms_have_rising_bounds() {
        assert_eq!(all().count(), BY_NAME.len());
        for metric in all() {
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            if let Kind::Histogram(bounds) = metric.kind {
                assert!(!bounds.is_empty() && bounds.is_sorted(), "{}", metric.name);
            }
        }
    }

    /// Both the latency objective and the threshold for going back are counted exactly.
    #[test]
    fn two_and_five_seconds_are_bounds_of_requests() {
        let Some(Kind::Histogram(bounds)) = metric("taskward_http_request_duration_seconds").map(|m| m.kind)
        else {
            panic!("a histogram")
        };
        assert!(bounds.contains(&2.0) && bounds.contains(&5.0), "{bounds:?}");
    }
}
