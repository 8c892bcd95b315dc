//! Bringing back the dead tasks of a queue: first how many there are, then that many and no more.

use std::time::Duration;

use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use maud::{Markup, html};
use taskward_core::{TaskId, TaskState};
use taskward_store::{PageRequest, TaskFilter, TaskPage};
use tokio::time::Instant;

use crate::dashboard::layout::{Page, Place, page as whole_page, token};
use crate::dashboard::texts::{Texts, fill};
use crate::dashboard::visit::{Form, Visit, Visitor, tasks_with, url_query};
use crate::dashboard::{failure, format};
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::observe;
use crate::http::validate;

/// Tasks that one confirmation brings back at most. More take another one, so that nobody starts something
/// that cannot be stopped.
const TASKS_MAX: usize = 1_000;
/// Tasks read, and brought back, at a time: each may carry its whole payload.
const ROUND: usize = 50;
/// A listing looks through so many rows and no more; after this many of them the count is "at least".
const PAGES_MAX: usize = 40;
/// No confirmation is worked on for longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many dead tasks there are, as far as was looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    tasks: usize,
    all: bool,
}

/// What became of a confirmation.
#[derive(Debug, Clone, Copy, Default)]
struct Outcome {
    retried: usize,
    refused: usize,
}

pub(in crate::dashboard) async fn page(Visit(visitor): Visit) -> Response {
    let query = visitor.query();
    let queue = query.exact("queue");
    match count(&visitor.app, queue).await {
        Ok(count) => confirmation(&visitor, queue, count),
        Err(error) => failure::refused(&visitor, &error),
    }
}

fn confirmation(visitor: &Visitor, queue: &str, count: Count) -> Response {
    let texts = visitor.texts;
    let title = fill(texts.retry_dead_of, &[("queue", queue)]);
    let look = tasks_with([("queue", queue), ("state", "dead")]);
    let body = html! {
        h1 { (title) }
        (done_before(visitor))
        @if count.tasks == 0 {
            p.blank { (texts.dead_none) }
        } @else {
            p.large { strong { (in_words(count, texts)) } " · " a href=(look) { (texts.dead_look) } }
            p { (fill(texts.dead_explained, &[("max", &format::count(TASKS_MAX as u64))])) }
            form.confirm method="post" action="/queues/retry-dead" {
                (token(visitor))
                input type="hidden" name="queue" value=(queue);
                input type="hidden" name="count" value=(count.tasks);
                button.primary type="submit" {
                    (fill(texts.dead_confirm, &[("count", &format::count(count.tasks as u64))]))
                }
                a.button href="/queues" { (texts.back) }
            }
        }
    };
    let page = Page { place: Some(Place::Queues), title: &title, live: None, notice: None, body };
    whole_page(visitor, StatusCode::OK, &page)
}

/// What the confirmation before this one did; numbers only, they come from the query.
fn done_before(visitor: &Visitor) -> Markup {
    let (query, texts) = (visitor.query(), visitor.texts);
    let number = |name: &str| query.get(name).parse::<u64>().ok();
    html! {
        @if let Some(retried) = number("retried") {
            p.notice role="status" {
                (fill(texts.dead_retried, &[("count", &format::count(retried))]))
                @if let Some(refused) = number("refused").filter(|refused| *refused > 0) {
                    " " (fill(texts.dead_refused, &[("count", &format::count(refused))]))
                }
            }
        }
    }
}

fn in_words(count: Count, texts: &Texts) -> String {
    let number = format::count(count.tasks as u64);
    match count {
        Count { tasks: 1, all: true } => texts.dead_count_one.to_owned(),
        Count { all: true, .. } => fill(texts.dead_count, &[("count", &number)]),
        Count { all: false, .. } => fill(texts.dead_count_least, &[("count", &number)]),
    }
}

pub(in crate::dashboard) async fn run(form: Form) -> Response {
    let queue = form.fields.exact("queue");
    let confirmed = form.fields.get("count").parse().unwrap_or(0).min(TASKS_MAX);
    match bring_back(&form.visit.app, queue, confirmed).await {
        Ok(outcome) => {
            let (retried, refused) = (outcome.retried.to_string(), outcome.refused.to_string());
            let query = url_query([("queue", queue), ("retried", &*retried), ("refused", &*refused)]);
            Redirect::to(&format!("/queues/retry-dead?{query}")).into_response()
        }
        Err(error) => failure::refused(&form.visit, &error),
    }
}

async fn count(app: &App, queue: &str) -> Result<Count, ApiError> {
    let (mut tasks, mut before) = (0, None);
    for _ in 0..PAGES_MAX {
        let page = dead(app, queue, ROUND, before).await?;
        tasks += page.tasks.len();
        before = page.next;
        if before.is_none() || tasks >= TASKS_MAX {
            break;
        }
    }
    Ok(Count { tasks: tasks.min(TASKS_MAX), all: before.is_none() && tasks <= TASKS_MAX })
}

/// Brings back at most `confirmed` tasks, the newest first, in rounds that stand alone: what was brought back before
/// an error stays so. Each task is looked at once, so one that dies again meanwhile is not brought back twice.
async fn bring_back(app: &App, queue: &str, confirmed: usize) -> Result<Outcome, ApiError> {
    let (mut outcome, mut before) = (Outcome::default(), None);
    let end = Instant::now() + PATIENCE;
    while outcome.retried + outcome.refused < confirmed && Instant::now() < end {
        let left = confirmed - outcome.retried - outcome.refused;
        let page = dead(app, queue, left.min(ROUND), before).await?;
        let results = app.engine.retry_many(page.tasks.iter().map(|task| task.id).collect()).await?;
        let retried = results.iter().filter(|result| result.is_ok()).count();
        outcome.retried += retried;
        outcome.refused += results.len() - retried;
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    let Outcome { retried, refused } = outcome;
    observe::log(|| tracing::info!(queue, retried, refused, "dead tasks of a queue brought back"));
    Ok(outcome)
}

async fn dead(app: &App, queue: &str, limit: usize, before: Option<TaskId>) -> Result<TaskPage, ApiError> {
    let mut fields = Fields::default();
    fields.name("queue", queue, validate::QUEUE_CHARS_MAX);
    fields.done()?;
    let filter =
        TaskFilter { queue: Some(queue.to_owned()), state: Some(TaskState::Dead), ..TaskFilter::default() };
    Ok(app.engine.store().list(filter, PageRequest { limit, before }).await?)
}
