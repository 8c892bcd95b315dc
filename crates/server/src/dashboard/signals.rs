//! The signals of the overview's charts, from the last hour of this instance's metrics: the golden ones (traffic,
//! latency, errors, saturation), and how the tasks do. Thresholds are those of the alerts.

use std::time::Duration;

use taskward_core::alert::Thresholds;

use super::chart::{Chart, Counts, Line, Span};
use super::texts::Texts;
use crate::telemetry::history::{History, KEPT, Steps};

/// As many points as a chart has room for.
const POINTS: u32 = 120;
/// While a process is younger than this, its hour would be a speck at the edge: its minutes are shown instead.
const YOUNG: Duration = Duration::from_secs(600);

/// What the charts are of: the last hour, or as much as a young process has seen.
pub(super) fn span(history: &History, texts: &Texts) -> Span {
    let covered = history.span(KEPT).unwrap_or_default();
    if covered < YOUNG {
        Span { name: texts.last_ten_minutes, minutes: 10 }
    } else {
        Span { name: texts.last_hour, minutes: 60 }
    }
}

const REQUESTS: &str = "taskward_http_request_duration_seconds";
const QUEUED: &str = "taskward_queue_tasks";

type Points = Vec<Option<f64>>;

/// The charts: how much is asked, how long it takes, how much fails, what is full, and how the tasks do.
pub(super) fn charts(history: &History, span: Span, thresholds: &Thresholds, texts: &Texts) -> Vec<Chart> {
    let steps = Steps { length: Duration::from_secs(60) * span.minutes / POINTS, count: POINTS };
    let past = Past { history, steps };
    let mut charts = past.requests(thresholds, texts);
    charts.push(past.saturation(thresholds, texts));
    charts.extend(past.tasks(thresholds, texts));
    charts
}

/// What was measured, in steps.
struct Past<'a> {
    history: &'a History,
    steps: Steps,
}

impl Past<'_> {
    fn requests(&self, thresholds: &Thresholds, texts: &Texts) -> Vec<Chart> {
        let answered = self.rates(REQUESTS, &[]);
        let errors = shares(&self.rates(REQUESTS, &[("status", "5xx")]), &answered);
        // Callers that ask to wait say nothing about the service; the rule leaves them out as well.
        let latency = self.quantiles(REQUESTS, &[("pace", "prompt")]);
        let errors_max = f64::from(thresholds.error_rate_percent) / 100.0;
        let latency_max = thresholds.high_latency.as_secs_f64();
        vec![
            Chart {
                title: texts.requests_per_second,
                counts: Counts::Rate,
                threshold: None,
                lines: vec![Line { name: texts.requests_rate, points: answered }],
            },
            Chart {
                title: texts.latency_p95,
                counts: Counts::Seconds,
                threshold: Some(latency_max),
                lines: vec![Line { name: texts.latency_p95, points: latency }],
            },
            Chart {
                title: texts.error_ratio,
                counts: Counts::Share,
                threshold: Some(errors_max),
                lines: vec![Line { name: texts.errors_5xx, points: errors }],
            },
        ]
    }

    /// How full the machine is. The threshold is the disks'.
    fn saturation(&self, thresholds: &Thresholds, texts: &Texts) -> Chart {
        const CPU: &str = "taskward_host_cpu_seconds_total";
        let unused = ["idle", "iowait"].map(|mode| self.rates(CPU, &[("mode", mode)]));
        let unused = together(&unused[0], &unused[1], |idle, iowait| Some(idle + iowait));
        let memory = ["taskward_host_memory_available_bytes", "taskward_host_memory_size_bytes"];
        let memory = memory.map(|name| self.levels(name, &[], f64::max));
        Chart {
            title: texts.saturation,
            counts: Counts::Share,
            threshold: Some(f64::from(thresholds.disk_full_percent) / 100.0),
            lines: vec![
                Line { name: texts.disk, points: self.disks() },
                Line { name: texts.memory, points: rest(&shares(&memory[0], &memory[1])) },
                Line { name: texts.cpu, points: rest(&shares(&unused, &self.rates(CPU, &[]))) },
            ],
        }
    }

    /// The used share of the file system that is fullest.
    fn disks(&self) -> Points {
        let directories = self.history.latest_by("taskward_disk_size_bytes", &[], "directory");
        let used = directories.iter().map(|(directory, _)| {
            let of = |name| self.levels(name, &[("directory", directory.as_str())], f64::max);
            rest(&shares(&of("taskward_disk_available_bytes"), &of("taskward_disk_size_bytes")))
        });
        used.reduce(|one, other| {
            let pairs = one.into_iter().zip(other);
            pairs.map(|(one, other)| [one, other].into_iter().flatten().reduce(f64::max)).collect()
        })
        .unwrap_or_default()
    }

    fn tasks(&self, thresholds: &Thresholds, texts: &Texts) -> Vec<Chart> {
        let finished = |state| self.rates("taskward_tasks_finished_total", &[("state", state)]);
        let queued = |state| self.levels(QUEUED, &[("state", state)], |a, b| a + b);
        let oldest = self.levels("taskward_queue_oldest_ready_age_seconds", &[], f64::max);
        vec![
            Chart {
                title: texts.tasks_per_second,
                counts: Counts::Rate,
                threshold: None,
                lines: vec![
                    Line { name: texts.completed_rate, points: finished("completed") },
                    Line {
                        name: texts.created_rate,
                        points: self.rates("taskward_tasks_created_total", &[]),
                    },
                    Line { name: texts.dead_rate, points: finished("dead") },
                ],
            },
            Chart {
                title: texts.backlog,
                counts: Counts::Pieces,
                threshold: None,
                lines: vec![
                    Line { name: texts.ready, points: queued("available") },
                    Line { name: texts.running, points: queued("running") },
                    Line { name: texts.scheduled, points: queued("scheduled") },
                ],
            },
            Chart {
                title: texts.oldest_ready_age,
                counts: Counts::Seconds,
                threshold: Some(thresholds.queue_stuck.as_secs_f64()),
                lines: vec![Line { name: texts.oldest_ready_age, points: oldest }],
            },
            Chart {
                title: texts.durations,
                counts: Counts::Seconds,
                threshold: None,
                lines: vec![
                    Line { name: texts.wait_p95, points: self.quantiles("taskward_task_wait_seconds", &[]) },
                    Line {
                        name: texts.task_p95,
                        points: self.quantiles("taskward_attempt_duration_seconds", &[]),
                    },
                ],
            },
        ]
    }

    fn rates(&self, name: &str, labels: &[(&str, &str)]) -> Points {
        self.history.rates(name, labels, self.steps)
    }

    fn quantiles(&self, name: &str, labels: &[(&str, &str)]) -> Points {
        self.history.quantiles(0.95, name, labels, self.steps)
    }

    fn levels(&self, name: &str, labels: &[(&str, &str)], together: fn(f64, f64) -> f64) -> Points {
        self.history.levels(name, labels, self.steps, together)
    }
}

/// A part of a whole in each step; nothing where there is no whole.
fn shares(part: &[Option<f64>], whole: &[Option<f64>]) -> Points {
    together(part, whole, |part, whole| (whole > 0.0).then(|| part / whole))
}

/// What is left of the whole.
fn rest(shares: &[Option<f64>]) -> Points {
    shares.iter().map(|share| share.map(|share| (1.0 - share).clamp(0.0, 1.0))).collect()
}

fn together(one: &[Option<f64>], other: &[Option<f64>], of: fn(f64, f64) -> Option<f64>) -> Points {
    one.iter().zip(other).map(|(one, other)| of((*one)?, (*other)?)).collect()
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::dashboard::texts::ENGLISH;
    use crate::telemetry::metrics::Samples;

    fn last(chart: &Chart, line: usize) -> Option<f64> {
        chart.lines[line].points.last().copied().flatten()
    }

    fn charts_of(history: &History) -> Vec<Chart> {
        charts(history, span(history, &ENGLISH), &Thresholds::default(), &ENGLISH)
    }

    #[test]
    fn saturation_is_of_the_fullest_disk_and_of_what_is_not_idle() {
        let start = Instant::now();
        let history = History::new(start);
        for taken in 0..4 {
            let mut samples = Samples::default();
            for (directory, free) in [("data", 40.0), ("log", 10.0)] {
                samples.add("taskward_disk_size_bytes", &[("directory", directory)], 100.0);
                samples.add("taskward_disk_available_bytes", &[("directory", directory)], free);
            }
            samples.add("taskward_host_memory_size_bytes", &[], 8.0);
            samples.add("taskward_host_memory_available_bytes", &[], 6.0);
            for (mode, seconds) in [("idle", 6.0), ("iowait", 2.0), ("user", 8.0)] {
                let seconds = 1000.0 + seconds * f64::from(taken);
                samples.add("taskward_host_cpu_seconds_total", &[("mode", mode)], seconds);
            }
            history.record(samples.as_slice(), start + Duration::from_secs(5) * taken);
        }
        let charts = charts_of(&history);
        let saturation = charts.iter().find(|chart| chart.title == ENGLISH.saturation).expect("the chart");
        assert_eq!(saturation.threshold, Some(0.9));
        for (line, share) in [(0, 0.9), (1, 0.25), (2, 0.5)] {
            assert!(last(saturation, line).is_some_and(|is| (is - share).abs() < 1e-9), "{line}");
        }
    }

    /// The overview is to stay within 100 KiB, whatever happened.
    #[test]
    fn a_busy_hour_is_drawn_in_few_bytes() {
        let start = Instant::now();
        let history = History::new(start);
        for taken in 0..=720 {
            let mut samples = Samples::default();
            let busy = f64::from(taken * 7919 % 1009);
            for state in ["available", "running", "scheduled"] {
                samples.add("taskward_queue_tasks", &[("queue", "q"), ("state", state)], busy * 1e3);
            }
            for state in ["completed", "dead"] {
                let labels = [("queue", "q"), ("state", state)];
                samples.add("taskward_tasks_finished_total", &labels, busy + 2e3 * f64::from(taken));
            }
            for mode in ["idle", "user"] {
                let seconds = f64::from(taken) * 5.0 + busy / 1e3;
                samples.add("taskward_host_cpu_seconds_total", &[("mode", mode)], seconds);
            }
            samples.add("taskward_queue_oldest_ready_age_seconds", &[("queue", "q")], busy);
            samples.add("taskward_host_memory_size_bytes", &[], 1e3);
            samples.add("taskward_host_memory_available_bytes", &[], busy);
            samples.add("taskward_disk_size_bytes", &[("directory", "data")], 2e3);
            samples.add("taskward_disk_available_bytes", &[("directory", "data")], busy);
            history.record(samples.as_slice(), start + Duration::from_secs(5) * taken);
        }
        let span = span(&history, &ENGLISH);
        let drawn = charts_of(&history)
            .iter()
            .map(|chart| chart.draw(span, &ENGLISH).into_string().len())
            .sum::<usize>();
        assert!((15_000..32_000).contains(&drawn), "{drawn}");
    }

    #[test]
    fn what_was_not_measured_is_not_drawn() {
        let history = History::new(Instant::now());
        for chart in charts_of(&history) {
            assert!(
                chart.lines.iter().all(|line| line.points.iter().all(Option::is_none)),
                "{}",
                chart.title
            );
        }
    }
}
