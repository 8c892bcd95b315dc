//! The queues: how each stands, and pausing and resuming them.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use maud::{Markup, html};
use taskward_api::Queue;

use super::Notice;
use crate::dashboard::layout::{
    Page, Place, Region, page as whole_page, regions as in_order, token, wide_table,
};
use crate::dashboard::texts::{Texts, fill};
use crate::dashboard::visit::{Form, Visit, Visitor, tasks_with, url_query};
use crate::dashboard::{failure, format};
use crate::http::error::ApiError;
use crate::http::params::Segment;
use crate::http::routes::queues as api;

pub(in crate::dashboard) async fn page(Visit(visitor): Visit) -> Response {
    let title = Place::Queues.name(visitor.texts);
    let body = html! { h1 { (title) } (in_order(&regions(&visitor).await)) };
    let (place, notice) = (Some(Place::Queues), Notice::of(&visitor));
    whole_page(&visitor, StatusCode::OK, &Page { place, title, live: Some("/live/queues"), notice, body })
}

/// What changes on the page.
pub(in crate::dashboard) async fn regions(visitor: &Visitor) -> Vec<Region> {
    let html = match all(visitor).await {
        Ok(queues) if queues.is_empty() => html! { p.blank { (visitor.texts.no_queues) } },
        Ok(queues) => table(visitor, queues.iter(), true),
        Err(error) => failure::inline(visitor.texts.unreadable, &error),
    };
    vec![Region { id: "queues", html }]
}

/// Every queue.
pub(super) async fn all(visitor: &Visitor) -> Result<Vec<Queue>, ApiError> {
    Ok(api::list::list(State(visitor.app.clone())).await?.0.queues)
}

/// Queues as a table; with what can be done to them, and their totals, where there is room.
pub(super) fn table<'a>(visitor: &Visitor, queues: impl Iterator<Item = &'a Queue>, whole: bool) -> Markup {
    let texts = visitor.texts;
    let numbers = [
        texts.ready,
        texts.oldest_ready,
        texts.running,
        texts.scheduled,
        texts.created_per_second,
        texts.completed_per_second,
        texts.dead_per_second,
        texts.dead,
    ];
    let head = html! {
        tr {
            th scope="col" { (texts.queue) }
            th scope="col" { (texts.state) }
            @for name in numbers { th.number scope="col" { (name) } }
            @if whole {
                th.number scope="col" { (texts.completed) }
                th scope="col" { (texts.actions) }
            }
        }
    };
    let rows = html! { @for queue in queues { (row(visitor, queue, whole)) } };
    wide_table(texts.queues_caption, whole, head, rows)
}

fn row(visitor: &Visitor, queue: &Queue, whole: bool) -> Markup {
    let texts = visitor.texts;
    let tasks = |state: &str| tasks_with([("queue", &*queue.name), ("state", state)]);
    let linked = |count: u64, state: &str| html! { a href=(tasks(state)) { (format::count(count)) } };
    let rates = queue.rates.map(|r| [r.created_per_second, r.completed_per_second, r.dead_per_second]);
    html! {
        tr {
            th.name scope="row" { a href=(tasks_with([("queue", &*queue.name)])) { (queue.name) } }
            td { (paused_or_not(queue, texts)) }
            td.number { (linked(queue.depth.available, "available")) }
            td.number { (queue.oldest_age_seconds.map_or_else(|| "–".to_owned(), format::seconds)) }
            td.number { (linked(queue.depth.running, "running")) }
            td.number { (linked(queue.depth.scheduled, "scheduled")) }
            @for index in 0..3 {
                td.number { (rates.map_or_else(|| "–".to_owned(), |rates| format::rate(rates[index]))) }
            }
            td.number.some-dead[queue.totals.dead > 0] { (linked(queue.totals.dead, "dead")) }
            @if whole {
                td.number { (format::count(queue.totals.completed)) }
                td { div.actions { (actions(visitor, queue)) } }
            }
        }
    }
}

fn paused_or_not(queue: &Queue, texts: &Texts) -> Markup {
    if queue.paused {
        html! { span.state.state-paused { (texts.paused) } }
    } else {
        html! { span.state.state-active { (texts.active) } }
    }
}

fn actions(visitor: &Visitor, queue: &Queue) -> Markup {
    let texts = visitor.texts;
    let named = |text: &str| fill(text, &[("queue", &queue.name)]);
    let (path, word, label) = if queue.paused {
        ("/queues/resume", texts.resume, named(texts.resume_queue))
    } else {
        ("/queues/pause", texts.pause, named(texts.pause_queue))
    };
    html! {
        form method="post" action=(path) {
            (token(visitor))
            input type="hidden" name="queue" value=(queue.name);
            button type="submit" aria-label=(label) { (word) }
        }
        @if queue.totals.dead > 0 {
            @let query = url_query([("queue", &*queue.name)]);
            @let label = format!("{} {}", texts.retry_dead, queue.name);
            a.button href=(format!("/queues/retry-dead?{query}")) aria-label=(label) {
                (texts.retry_dead)
            }
        }
    }
}

pub(in crate::dashboard) async fn pause(form: Form) -> Response {
    let queue = Segment(form.fields.exact("queue").to_owned());
    let answer = api::pause::pause(State(form.visit.app.clone()), queue).await;
    done(&form.visit, answer.map(|_| Notice::Paused))
}

pub(in crate::dashboard) async fn resume(form: Form) -> Response {
    let queue = Segment(form.fields.exact("queue").to_owned());
    let answer = api::resume::resume(State(form.visit.app.clone()), queue).await;
    done(&form.visit, answer.map(|_| Notice::Resumed))
}

fn done(visitor: &Visitor, outcome: Result<Notice, ApiError>) -> Response {
    match outcome {
        Ok(notice) => Redirect::to(&format!("/queues?notice={}", notice.word())).into_response(),
        Err(error) => failure::refused(visitor, &error),
    }
}
