//! The overview: whether the service is well, first; then the figures and charts that say how it does.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};
use taskward_api::{Alert, CheckStatus, Health, HealthCheck, HealthStatus, MetricsSummary, Queue};

use super::facts::{fact, figure};
use super::{alerts, queues};
use crate::dashboard::layout::{Page, Place, Region, page as whole_page, regions as in_order};
use crate::dashboard::texts::{Texts, fill};
use crate::dashboard::visit::{Visit, Visitor};
use crate::dashboard::{failure, format, signals};
use crate::http::error::ApiError;
use crate::http::routes::health::full::health;
use crate::mode::Mode;
use crate::telemetry::summary;

/// What "lately" means for the figures.
const WINDOW: Duration = Duration::from_secs(300);
/// Queues that are shown here; the others are on their page.
const QUEUES_SHOWN: usize = 8;

pub(in crate::dashboard) async fn page(Visit(visitor): Visit) -> Response {
    let body = in_order(&regions(&visitor).await);
    let title = Place::Overview.name(visitor.texts);
    let place = Some(Place::Overview);
    whole_page(
        &visitor,
        StatusCode::OK,
        &Page { place, title, live: Some("/live/overview"), notice: None, body },
    )
}

/// What changes on the page.
pub(in crate::dashboard) async fn regions(visitor: &Visitor) -> Vec<Region> {
    let (app, texts) = (&visitor.app, visitor.texts);
    let (health, queues) = tokio::join!(health(State(app.clone())), queues::all(visitor));
    let figures = summary::of(&app.history, WINDOW);
    let alerts = app.alerts.list().alerts;
    let covered = app.history.span(signals::HOUR);
    vec![
        Region { id: "status", html: status(&health.1.0, app.engine.mode().current(), &alerts, texts) },
        Region { id: "firing", html: alerts::firing(visitor, &alerts) },
        Region { id: "now", html: now(&queues, texts) },
        Region { id: "lately", html: lately(&figures, texts) },
        Region { id: "charts", html: charts(visitor, covered) },
        Region { id: "longest", html: longest(visitor, &queues) },
    ]
}

fn status(health: &Health, mode: Mode, alerts: &[Alert], texts: &Texts) -> Markup {
    let firing = alerts.iter().filter(|alert| alerts::fires(alert));
    let critical = firing.clone().any(|alert| alerts::is_critical(alert) && alert.silence.is_none());
    let fires = match firing.count() {
        0 => None,
        1 => Some(texts.alerts_firing_one.to_owned()),
        count => Some(fill(texts.alerts_firing, &[("count", &count.to_string())])),
    };
    let (class, mark, words) = match (mode, health.status) {
        (Mode::Draining, _) => ("warn", "↓", texts.health_draining),
        (_, HealthStatus::Ok) => match &fires {
            None => ("ok", "✓", texts.health_ok),
            Some(fires) if critical => ("bad", "!", &**fires),
            Some(fires) => ("warn", "!", &**fires),
        },
        (_, HealthStatus::Degraded) => ("warn", "!", texts.health_degraded),
        (_, HealthStatus::Unavailable) => ("bad", "✗", texts.health_unavailable),
    };
    html! {
        section.status.(class) aria-labelledby="health" {
            div.verdict role="status" {
                span.mark aria-hidden="true" { (mark) }
                h1 #health { (words) }
            }
            dl.facts {
                (fact(texts.mode, mode_name(&health.mode, texts)))
                (fact(texts.instance, &health.instance))
                (fact(texts.environment, &health.env))
                (fact(texts.version, &health.version))
                (fact(texts.up_for, &format::seconds(health.uptime_seconds.floor())))
            }
            ul.checks aria-label=(texts.checks) { @for check in &health.checks { (check_line(check, texts)) } }
        }
    }
}

/// The name of a mode that the interface tells.
pub(super) fn mode_name<'a>(mode: &'a str, texts: &Texts) -> &'a str {
    match mode {
        "normal" => texts.mode_normal,
        "read_only" => texts.mode_read_only,
        "draining" => texts.mode_draining,
        other => other,
    }
}

fn check_line(check: &HealthCheck, texts: &Texts) -> Markup {
    let (class, mark, words) = match check.status {
        CheckStatus::Ok => ("ok", "✓", texts.check_ok),
        CheckStatus::Fail => ("bad", "✗", texts.check_fail),
        CheckStatus::Unknown => ("warn", "?", texts.check_unknown),
    };
    let name = match check.name.as_str() {
        "database" => texts.check_database,
        "maintenance" => texts.check_maintenance,
        other => other,
    };
    html! {
        li class=(class) {
            span.mark aria-hidden="true" { (mark) }
            strong { (name) } " " (words)
            @if let Some(latency) = check.latency_ms { span.latency { (format::seconds(latency / 1e3)) } }
            @if let Some(message) = &check.message { span.message { (message) } }
        }
    }
}

type Queues = Result<Vec<Queue>, ApiError>;

/// How the queues stand, together.
fn now(queues: &Queues, texts: &Texts) -> Markup {
    let body = match queues {
        Err(error) => failure::inline(texts.unreadable, error),
        Ok(queues) => {
            let sum = |count: fn(&Queue) -> u64| format::count(queues.iter().map(count).sum());
            let oldest = queues.iter().filter_map(|queue| queue.oldest_age_seconds).reduce(f64::max);
            let oldest = oldest.map_or_else(|| texts.none.to_owned(), format::seconds);
            html! {
                dl.figures {
                    (figure(texts.ready, html! { (sum(|queue| queue.depth.available)) }))
                    (figure(texts.oldest_ready, html! { (oldest) }))
                    (figure(texts.running, html! { (sum(|queue| queue.depth.running)) }))
                    (figure(texts.scheduled, html! { (sum(|queue| queue.depth.scheduled)) }))
                    (figure(texts.dead, html! { (sum(|queue| queue.totals.dead)) }))
                }
            }
        }
    };
    html! { section aria-labelledby="now-title" { h2 #now-title { (texts.right_now) } (body) } }
}

/// How this instance did within the last minutes.
fn lately(figures: &MetricsSummary, texts: &Texts) -> Markup {
    let (requests, tasks) = (&figures.requests, &figures.tasks);
    let rate = |rate: Option<f64>| format::known(rate, |rate| format!("{}/s", format::rate(rate)), texts);
    let seconds = |seconds: Option<f64>| format::known(seconds, format::seconds, texts);
    let share = |share: Option<f64>| format::known(share, format::share, texts);
    html! {
        section aria-labelledby="lately-title" {
            h2 #lately-title { (texts.last_minutes) }
            dl.figures {
                (figure(texts.requests_rate, rate(requests.per_second)))
                (figure(texts.request_p95, seconds(requests.latency_p95_seconds)))
                (figure(texts.errors_5xx, share(requests.error_ratio)))
                (figure(texts.completed_rate, rate(tasks.per_second)))
                (figure(texts.success_ratio, share(tasks.success_ratio)))
                (figure(texts.task_p95, seconds(tasks.duration_p95_seconds)))
                (figure(texts.wait_p95, seconds(tasks.wait_p95_seconds)))
            }
        }
    }
}

fn charts(visitor: &Visitor, covered: Option<Duration>) -> Markup {
    let (texts, history) = (visitor.texts, &visitor.app.history);
    let thresholds = &visitor.app.settings.alerts.thresholds;
    let span = signals::span(history, texts);
    let young = covered.unwrap_or_default() + Duration::from_secs(60) < signals::HOUR;
    html! {
        section aria-labelledby="charts-title" {
            h2 #charts-title { (span.name) }
            div.charts {
                @for chart in signals::charts(history, span, thresholds, texts) { (chart.draw(span, texts)) }
            }
            @if young {
                @let time = format::seconds(covered.unwrap_or_default().as_secs_f64());
                p.quiet { (fill(texts.charts_cover, &[("time", &time)])) }
            }
        }
    }
}

/// The queues with the most to do.
fn longest(visitor: &Visitor, queues: &Queues) -> Markup {
    let texts = visitor.texts;
    let Ok(queues) = queues else { return html! {} };
    let mut longest: Vec<&Queue> = queues.iter().collect();
    longest.sort_by_key(|queue| {
        std::cmp::Reverse((queue.depth.available, queue.depth.running, queue.depth.scheduled))
    });
    let all = fill(texts.all_queues, &[("count", &format::count(queues.len() as u64))]);
    html! {
        section aria-labelledby="longest-title" {
            h2 #longest-title { (texts.longest_queues) }
            (queues::table(visitor, longest.into_iter().take(QUEUES_SHOWN), false))
            p { a href="/queues" { (all) } }
        }
    }
}
