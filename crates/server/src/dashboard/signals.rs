//! The signals of the overview's charts, from the last hour of this instance's metrics.

use std::time::Duration;

use super::chart::{Chart, Line};
use super::format;
use super::texts::Texts;
use crate::telemetry::history::{History, Steps};

/// A point for each half minute of an hour.
const STEPS: Steps = Steps { length: Duration::from_secs(30), count: 120 };

const REQUESTS: &str = "taskward_http_request_duration_seconds";
const FINISHED: &str = "taskward_tasks_finished_total";
const QUEUED: &str = "taskward_queue_tasks";

/// The charts: how much is asked, how long it takes, how much fails, and how the tasks do.
pub(super) fn charts(history: &History, texts: &Texts) -> Vec<Chart> {
    let finished = |state| history.rates(FINISHED, &[("state", state)], STEPS);
    let queued = |state| history.levels(QUEUED, &[("state", state)], STEPS, |a, b| a + b);
    let seconds = |title, points| Chart {
        title,
        format: format::seconds,
        threshold: None,
        lines: vec![Line { name: title, points }],
    };
    vec![
        Chart {
            title: texts.requests_per_second,
            format: format::rate,
            threshold: None,
            lines: vec![Line { name: texts.requests_rate, points: history.rates(REQUESTS, &[], STEPS) }],
        },
        seconds(texts.latency_p95, history.quantiles(0.95, REQUESTS, &[], STEPS)),
        Chart {
            title: texts.error_ratio,
            format: format::share,
            threshold: None,
            lines: vec![Line { name: texts.errors_5xx, points: error_ratio(history) }],
        },
        Chart {
            title: texts.tasks_per_second,
            format: format::rate,
            threshold: None,
            lines: vec![
                Line { name: texts.completed_rate, points: finished("completed") },
                Line {
                    name: texts.created_rate,
                    points: history.rates("taskward_tasks_created_total", &[], STEPS),
                },
                Line { name: texts.dead_rate, points: finished("dead") },
            ],
        },
        Chart {
            title: texts.backlog,
            format: |tasks| format::count(tasks.round() as u64),
            threshold: None,
            lines: vec![
                Line { name: texts.ready, points: queued("available") },
                Line { name: texts.running, points: queued("running") },
                Line { name: texts.scheduled, points: queued("scheduled") },
            ],
        },
        seconds(
            texts.oldest_ready_age,
            history.levels("taskward_queue_oldest_ready_age_seconds", &[], STEPS, f64::max),
        ),
    ]
}

/// The share of requests that failed in each step; nothing where there was no request.
fn error_ratio(history: &History) -> Vec<Option<f64>> {
    let failed = history.rates(REQUESTS, &[("status", "5xx")], STEPS);
    let all = history.rates(REQUESTS, &[], STEPS);
    let share = |(failed, all): (Option<f64>, Option<f64>)| Some(failed? / all.filter(|all| *all > 0.0)?);
    failed.into_iter().zip(all).map(share).collect()
}
