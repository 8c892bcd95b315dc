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

#[cfg(test)]
mod tests {
    use taskward_core::alert::{Thresholds, Watch, rules};
    use tokio::time::Instant;

    use super::*;
    use crate::telemetry::metrics::{Kind, Sample, Samples, Value, metric};

    const HTTP: &str = "taskward_http_request_duration_seconds";
    const MINUTE: Duration = Duration::from_secs(60);

    /// Requests of a route that took so long, as counted since the start.
    fn requests(samples: &mut Samples, route: &str, status: &str, seconds: f64, count: u64) {
        let metric = metric(HTTP).expect("described");
        let Kind::Histogram(bounds) = metric.kind else { panic!("a histogram") };
        let mut counts = vec![0; bounds.len() + 1];
        counts[bounds.partition_point(|bound| *bound < seconds)] = count;
        let labels =
            vec![("method", "POST".to_owned()), ("route", route.to_owned()), ("status", status.to_owned())];
        samples.push(Sample {
            metric,
            labels,
            value: Value::Buckets { counts, sum: seconds * count as f64 },
        });
    }

    /// A history of one sample, a minute after the start.
    fn history(fill: impl FnOnce(&mut Samples)) -> History {
        let start = Instant::now();
        let history = History::new(start);
        let mut samples = Samples::default();
        fill(&mut samples);
        history.record(samples.as_slice(), start + MINUTE);
        history
    }

    /// The rules that fire by this history at once.
    fn firing(history: &History, database_up: Option<bool>) -> Vec<(&'static str, Labels)> {
        let readings = FromHistory { history, database_up };
        let mut firing = Vec::new();
        for mut rule in rules(&Thresholds::default()) {
            rule.hold = Duration::ZERO;
            let name = rule.name;
            let mut watch = Watch::new(rule);
            watch.look(&readings, Duration::ZERO);
            firing.extend(watch.alerts().keys().map(|labels| (name, labels.clone())));
        }
        firing
    }

    #[test]
    fn nothing_measured_is_nothing_wrong() {
        assert_eq!(firing(&history(|_| {}), None), []);
        assert_eq!(firing(&History::new(Instant::now()), Some(true)), []);
        assert_eq!(firing(&history(|_| {}), Some(false)), [("DatabaseDown", vec![])]);
    }

    #[test]
    fn slow_is_who_was_not_asked_to_wait() {
        let waiting = history(|samples| {
            requests(samples, "/api/v1/claim", "204", 20.0, 1000);
            requests(samples, "/api/v1/tasks", "201", 0.1, 100);
        });
        assert_eq!(firing(&waiting, Some(true)), []);
        let slow = history(|samples| requests(samples, "/api/v1/tasks", "201", 5.0, 100));
        assert_eq!(firing(&slow, Some(true)), [("HighLatency", vec![])]);
        let few = history(|samples| requests(samples, "/api/v1/tasks", "201", 5.0, 19));
        assert_eq!(firing(&few, Some(true)), []);
    }

    #[test]
    fn errors_count_wherever_they_happen() {
        let failing = history(|samples| {
            requests(samples, "/api/v1/claim", "503", 0.1, 6);
            requests(samples, "/api/v1/tasks", "201", 0.1, 94);
        });
        let all = ["ErrorRate", "ErrorBudgetBurn", "ErrorBudgetBurnSlow"].map(|name| (name, vec![]));
        assert_eq!(firing(&failing, Some(true)), all);
        let well = history(|samples| requests(samples, "/api/v1/tasks", "404", 0.1, 100));
        assert_eq!(firing(&well, Some(true)), []);
    }

    /// A history of so many minutes each, in which that many of a thousand requests a minute failed.
    fn failing(parts: &[(u64, u64)]) -> History {
        let start = Instant::now();
        let history = History::new(start);
        let (mut now, mut failed, mut answered) = (start, 0, 0);
        let minutes = parts.iter().flat_map(|(minutes, permille)| (0..*minutes).map(|_| *permille));
        for permille in minutes {
            failed += permille;
            answered += 1000 - permille;
            for _ in 0..2 {
                now += MINUTE / 2;
                let mut samples = Samples::default();
                requests(&mut samples, "/api/v1/tasks", "201", 0.1, answered);
                requests(&mut samples, "/api/v1/tasks", "500", 0.1, failed);
                history.record(samples.as_slice(), now);
            }
        }
        history
    }

    /// The same hours as in deploy/prometheus/taskward.rules.hours.test.yml.
    #[test]
    fn a_budget_burns_fast_or_slowly() {
        let slow = [("ErrorBudgetBurnSlow", vec![])];
        assert_eq!(firing(&failing(&[(30, 10)]), Some(true)), slow);
        assert_eq!(firing(&failing(&[(420, 10)]), Some(true)), slow);
        // The six hours still remember; the last half hour is well.
        assert_eq!(firing(&failing(&[(420, 10), (31, 0)]), Some(true)), []);
        // It was bad for half an hour, five hours ago, and is a little bad again.
        assert_eq!(firing(&failing(&[(30, 100), (300, 0), (30, 7)]), Some(true)), slow);
        // Longer ago than the window it does not count.
        assert_eq!(firing(&failing(&[(30, 100), (365, 0), (30, 5)]), Some(true)), []);
        // What happened before the hour says nothing about it.
        assert_eq!(firing(&failing(&[(180, 100), (360, 0), (10, 20)]), Some(true)), []);
    }

    #[test]
    fn an_old_key_is_noticed_where_its_age_is_known() {
        let aged =
            |days: f64| history(|samples| samples.add("taskward_key_age_seconds", &[], days * 86_400.0));
        assert_eq!(firing(&aged(90.0), Some(true)), []);
        assert_eq!(firing(&aged(90.1), Some(true)), [("KeyTooOld", vec![])]);
    }

    #[test]
    fn an_old_backup_is_noticed_and_none_is_not_known_to_be_old() {
        let aged = |hours: f64| {
            history(|samples| {
                samples.add("taskward_backup_last_success_age_seconds", &[], hours * 3600.0);
            })
        };
        assert_eq!(firing(&aged(26.0), Some(true)), []);
        assert_eq!(firing(&aged(26.1), Some(true)), [("BackupTooOld", vec![])]);
    }

    #[test]
    fn a_first_backup_that_is_overdue_is_noticed_and_so_is_a_first_drill() {
        for (metric, rule) in [
            ("taskward_backup_first_overdue_seconds", "NoBackup"),
            ("taskward_backup_consecutive_failures", "BackupFailed"),
            ("taskward_drill_first_overdue_seconds", "NoDrill"),
        ] {
            let reading = |value: f64| history(|samples| samples.add(metric, &[], value));
            assert_eq!(firing(&reading(0.0), Some(true)), []);
            assert_eq!(firing(&reading(1.0), Some(true)), [(rule, vec![])]);
        }
    }

    #[test]
    fn a_drill_of_long_ago_is_noticed_where_there_was_one() {
        let aged = |days: f64| {
            history(|samples| {
                samples.add("taskward_drill_last_success_age_seconds", &[], days * 86_400.0);
            })
        };
        assert_eq!(firing(&aged(35.0), Some(true)), []);
        assert_eq!(firing(&aged(35.1), Some(true)), [("DrillTooOld", vec![])]);
    }

    #[test]
    fn an_archive_that_is_behind_is_noticed() {
        let behind =
            |seconds: f64| history(|samples| samples.add("taskward_backup_wal_lag_seconds", &[], seconds));
        assert_eq!(firing(&behind(60.0), Some(true)), []);
        assert_eq!(firing(&behind(60.5), Some(true)), [("WalArchiveLag", vec![])]);
    }

    #[test]
    fn a_log_that_is_held_back_is_noticed() {
        let held = |mebibytes: f64| {
            history(|samples| samples.add("taskward_backup_wal_held_bytes", &[], mebibytes * 1_048_576.0))
        };
        assert_eq!(firing(&held(1024.0), Some(true)), []);
        assert_eq!(firing(&held(1025.0), Some(true)), [("WalHeldBack", vec![])]);
    }

    #[test]
    fn every_queue_and_directory_for_itself() {
        let history = history(|samples| {
            for (directory, free, inodes) in [("data", 50.0, 0.0), ("log", 500.0, 1.0)] {
                let label = [("directory", directory)];
                samples.add("taskward_disk_size_bytes", &label, 1000.0);
                samples.add("taskward_disk_available_bytes", &label, free);
                samples.add("taskward_disk_inodes", &label, inodes * 1000.0);
                samples.add("taskward_disk_inodes_available", &label, inodes * 10.0);
            }
            for (queue, oldest, running) in
                [("alone", 121.0, 0.0), ("stuck", 901.0, 2.0), ("well", 100.0, 0.0)]
            {
                samples.add("taskward_queue_oldest_ready_age_seconds", &[("queue", queue)], oldest);
                samples.add("taskward_queue_tasks", &[("queue", queue), ("state", "running")], running);
            }
            samples.add("taskward_tasks_finished_total", &[("queue", "bad"), ("state", "dead")], 11.0);
            samples.add("taskward_tasks_finished_total", &[("queue", "well"), ("state", "completed")], 500.0);
            samples.add("taskward_leases_rescued_total", &[("queue", "bad"), ("reason", "expired")], 11.0);
        });
        let about = |label, value: &str| vec![(label, value.to_owned())];
        let expected = [
            ("DiskFull", about("directory", "data")),
            ("InodesFull", about("directory", "log")),
            ("QueueStuck", about("queue", "stuck")),
            ("NoWorkers", about("queue", "alone")),
            ("DeadTasks", about("queue", "bad")),
            ("LeaseRescues", about("queue", "bad")),
        ];
        assert_eq!(firing(&history, Some(true)), expected);
    }
}
