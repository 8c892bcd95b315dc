//! The instances: this one, in figures, and those that workers asked.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};
use taskward_api::{Health, Worker};
use taskward_core::Timestamp;

use super::facts::{fact, figure};
use super::overview::mode_name;
use super::workers::seen;
use crate::dashboard::layout::{Page, Place, Region, page as whole_page, regions as in_order, wide_table};
use crate::dashboard::visit::{Visit, Visitor};
use crate::dashboard::{clock, failure, format};
use crate::http::routes::health::full::health;
use crate::http::routes::workers::list::list;
use crate::telemetry::summary;

/// What "lately" means for the figures.
const WINDOW: Duration = Duration::from_secs(300);

pub(in crate::dashboard) async fn page(Visit(visitor): Visit) -> Response {
    let title = Place::Instances.name(visitor.texts);
    let body = html! { h1 { (title) } (in_order(&regions(&visitor).await)) };
    let place = Some(Place::Instances);
    whole_page(
        &visitor,
        StatusCode::OK,
        &Page { place, title, live: Some("/live/instances"), notice: None, body },
    )
}

/// What changes on the page.
pub(in crate::dashboard) async fn regions(visitor: &Visitor) -> Vec<Region> {
    let app = &visitor.app;
    let (health, workers) = tokio::join!(health(State(app.clone())), list(State(app.clone())));
    let all = match workers {
        Err(error) => failure::inline(visitor.texts.unreadable, &error),
        Ok(answer) => table(visitor, &answer.0.workers, clock::now()),
    };
    vec![
        Region { id: "this-instance", html: this(visitor, &health.1.0) },
        Region { id: "instances", html: all },
    ]
}

/// What the instance that made the page is, and how it does.
fn this(visitor: &Visitor, health: &Health) -> Markup {
    let (app, texts) = (&visitor.app, visitor.texts);
    let lately = summary::of(&app.history, WINDOW);
    let (system, (pending, _)) = (&lately.system, app.engine.pending());
    let waiting: usize = app.engine.waiting_claims().values().sum();
    let (workers, _) = app.engine.workers.active();
    let share = |share: Option<f64>| format::known(share, format::share, texts);
    let rate = |rate: Option<f64>| format::known(rate, |rate| format!("{}/s", format::rate(rate)), texts);
    let count = |count: u64| html! { (format::count(count)) };
    html! {
        section aria-labelledby="this-title" {
            h2 #this-title { (health.instance) " " span.state.state-active { (texts.this_instance) } }
            dl.facts {
                (fact(texts.mode, mode_name(&health.mode, texts)))
                (fact(texts.environment, &health.env))
                (fact(texts.version, &health.version))
                (fact(texts.up_for, &format::seconds(health.uptime_seconds.floor())))
                (fact(texts.database, &app.engine.store().describe()))
            }
            dl.figures {
                (figure(texts.requests_rate, rate(lately.requests.per_second)))
                (figure(texts.completed_rate, rate(lately.tasks.per_second)))
                (figure(texts.workers_lately, count(workers as u64)))
                (figure(texts.claims_waiting, count(waiting as u64)))
                (figure(texts.items_waiting, count(pending.items as u64)))
                (figure(texts.connections, share(system.pool_ratio)))
                (figure(texts.processors, format::known(system.process_cpus, format::rate, texts)))
                (figure(texts.memory, format::known(system.process_memory_bytes, format::mebibytes, texts)))
                (figure(texts.open_files, format::known(system.open_fds, format::count, texts)))
            }
            p.quiet { (texts.figures_explained) }
        }
    }
}

/// The instances that workers asked, and this one.
fn table(visitor: &Visitor, workers: &[Worker], now: Timestamp) -> Markup {
    let texts = visitor.texts;
    let this = &visitor.app.settings.instance;
    let mut asked: BTreeMap<&str, (usize, Option<Timestamp>)> = BTreeMap::from([(&**this, (0, None))]);
    for worker in workers {
        let Some(instance) = worker.instance.as_deref() else { continue };
        let (count, latest) = asked.entry(instance).or_default();
        *count += 1;
        *latest = (*latest).max(worker.last_seen_at);
    }
    let head = html! {
        tr {
            th scope="col" { (texts.instance) }
            th.number scope="col" { (texts.workers) }
            th scope="col" { (texts.last_seen) }
        }
    };
    let rows = html! {
        @for (instance, (count, latest)) in asked {
            tr {
                th.name scope="row" {
                    (instance)
                    @if instance == this { " " span.state.state-active { (texts.this_instance) } }
                }
                td.number { (count) }
                td { (seen(latest, texts, now)) }
            }
        }
    };
    html! {
        section aria-labelledby="all-title" {
            h2 #all-title { (texts.instances_seen) }
            (wide_table(texts.instances_caption, true, head, rows))
        }
    }
}
