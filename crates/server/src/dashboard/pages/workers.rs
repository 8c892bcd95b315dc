//! The workers: who asked for tasks lately, and what they hold.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};
use taskward_api::Worker;
use taskward_core::Timestamp;

use crate::dashboard::layout::{Page, Place, Region, page as whole_page, regions as in_order, wide_table};
use crate::dashboard::texts::{Texts, fill};
use crate::dashboard::visit::{Visit, Visitor, tasks_with};
use crate::dashboard::{clock, failure, format};
use crate::http::routes::workers::list::list;

/// Tasks of a worker that are named; the others are counted.
const TASKS_SHOWN: usize = 3;

pub(in crate::dashboard) async fn page(Visit(visitor): Visit) -> Response {
    let title = Place::Workers.name(visitor.texts);
    let body = html! { h1 { (title) } (in_order(&regions(&visitor).await)) };
    let place = Some(Place::Workers);
    whole_page(
        &visitor,
        StatusCode::OK,
        &Page { place, title, live: Some("/live/workers"), notice: None, body },
    )
}

/// What changes on the page.
pub(in crate::dashboard) async fn regions(visitor: &Visitor) -> Vec<Region> {
    let texts = visitor.texts;
    let workers = match list(State(visitor.app.clone())).await {
        Err(error) => failure::inline(texts.unreadable, &error),
        Ok(answer) if answer.0.workers.is_empty() => html! { p.blank { (texts.no_workers) } },
        Ok(answer) => table(&answer.0.workers, texts, clock::now()),
    };
    vec![Region { id: "workers", html: workers }]
}

fn table(workers: &[Worker], texts: &Texts, now: Timestamp) -> Markup {
    let head = html! {
        tr {
            @for name in [texts.worker, texts.last_seen] { th scope="col" { (name) } }
            th.number scope="col" { (texts.holds) }
            @for name in [texts.tasks, texts.queues, texts.instance] { th scope="col" { (name) } }
        }
    };
    let rows = html! {
        @for worker in workers {
            tr {
                th.name scope="row" { (worker.worker_id) }
                td { (seen(worker.last_seen_at, texts, now)) }
                td.number { (worker.running.len()) }
                td.id { (held(worker, texts)) }
                td.tags {
                    @for queue in &worker.queues {
                        a.tag href=(tasks_with([("queue", &**queue)])) { (queue) } " "
                    }
                }
                td.name { a href="/instances" { (worker.instance.as_deref().unwrap_or("–")) } }
            }
        }
    };
    wide_table(texts.workers_caption, true, head, rows)
}

/// When somebody was seen last.
pub(super) fn seen(at: Option<Timestamp>, texts: &Texts, now: Timestamp) -> Markup {
    html! {
        @match at {
            Some(at) => time datetime=(at.to_string()) { (format::age(at, now, texts)) },
            None => (texts.never),
        }
    }
}

fn held(worker: &Worker, texts: &Texts) -> Markup {
    let more = worker.running.len().saturating_sub(TASKS_SHOWN);
    html! {
        @for id in worker.running.iter().take(TASKS_SHOWN) {
            a href=(format!("/tasks/{id}")) { (id.to_string()) } br;
        }
        @if more > 0 { (fill(texts.and_more, &[("count", &format::count(more as u64))])) }
    }
}
