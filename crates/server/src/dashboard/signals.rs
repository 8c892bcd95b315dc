//! The signals of the overview's charts, from the last hour of this instance's metrics.

use std::time::Duration;

use super::chart::{Chart, Line, Span};
use super::format;
use super::texts::Texts;
use crate::telemetry::history::{History, Steps};

/// The longest time that is drawn.
pub(super) const HOUR: Duration = Duration::from_secs(3600);
/// As many points as a chart has room for.
const POINTS: u32 = 120;
/// While a process is younger than this, its hour would be a speck at the edge: its minutes are shown instead.
const YOUNG: Duration = Duration::from_secs(600);

/// What the charts are of: the last hour, or as much as a young process has seen.
pub(super) fn span(history: &History, texts: &Texts) -> Span {
    let covered = history.span(HOUR).unwrap_or_default();
    if covered < YOUNG {
        Span { name: texts.last_ten_minutes, minutes: 10 }
    } else {
        Span { name: texts.last_hour, minutes: 60 }
    }
}

const REQUESTS: &str = "taskward_http_request_duration_seconds";
const FINISHED: &str = "taskward_tasks_finished_total";
const QUEUED: &str = "taskward_queue_tasks";

/// The charts: how much is asked, how long it takes, how much fails, and how the tasks do.
pub(super) fn charts(history: &History, span: Span, texts: &Texts) -> Vec<Chart> {
    let steps = Steps { length: Duration::from_secs(60) * span.minutes / POINTS, count: POINTS };
    let finished = |state| history.rates(FINISHED, &[("state", state)], steps);
    let queued = |state| history.levels(QUEUED, &[("state", state)], steps, |a, b| a + b);
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
            lines: vec![Line { name: texts.requests_rate, points: history.rates(REQUESTS, &[], steps) }],
        },
        seconds(texts.latency_p95, history.quantiles(0.95, REQUESTS, &[], steps)),
        Chart {
            title: texts.error_ratio,
            format: format::share,
            threshold: None,
            lines: vec![Line { name: texts.errors_5xx, points: error_ratio(history, steps) }],
        },
        Chart {
            title: texts.tasks_per_second,
            format: format::rate,
            threshold: None,
            lines: vec![
                Line { name: texts.completed_rate, points: finished("completed") },
                Line {
                    name: texts.created_rate,
                    points: history.rates("taskward_tasks_created_total", &[], steps),
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
            history.levels("taskward_queue_oldest_ready_age_seconds", &[], steps, f64::max),
        ),
    ]
}

/// The share of requests that failed in each step; nothing where there was no request.
fn error_ratio(history: &History, steps: Steps) -> Vec<Option<f64>> {
    let failed = history.rates(REQUESTS, &[("status", "5xx")], steps);
    let all = history.rates(REQUESTS, &[], steps);
    let share = |(failed, all): (Option<f64>, Option<f64>)| Some(failed? / all.filter(|all| *all > 0.0)?);
    failed.into_iter().zip(all).map(share).collect()
}
