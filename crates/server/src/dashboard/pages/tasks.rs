//! The tasks, a page at a time, newest first; by queue, state, kind and tag, or one by its id.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{StatusCode, Uri};
use maud::{Markup, html};
use taskward_api::{Task, TaskListAnswer, TaskState};
use taskward_core::TaskState as CoreState;

use crate::dashboard::layout::{Page, Place, page as whole_page, wide_table};
use crate::dashboard::visit::{Fields, Visit, Visitor, tasks_with, url_query};
use crate::dashboard::{failure, format};
use crate::http::error::ApiError;
use crate::http::params;
use crate::http::routes::tasks::list::list;

/// What a filter is made of.
const FILTERS: [&str; 4] = ["queue", "state", "kind", "tag"];

pub(in crate::dashboard) async fn page(Visit(visitor): Visit) -> Response {
    let query = visitor.query();
    let by_id = query.get("id");
    let (tasks, wrong_id) = match params::task_id(by_id) {
        Ok(id) => return Redirect::to(&format!("/tasks/{id}")).into_response(),
        Err(error) if !by_id.is_empty() => (None, Some(error)),
        Err(_) => (Some(listed(&visitor, &query).await), None),
    };
    let (title, texts) = (Place::Tasks.name(visitor.texts), visitor.texts);
    let refused = wrong_id.as_ref().or(tasks.as_ref().and_then(|tasks| tasks.as_ref().err()));
    let status = refused.map_or(StatusCode::OK, |error| {
        StatusCode::from_u16(error.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    });
    let body = html! {
        h1 { (title) }
        (filter_form(&visitor, &query))
        @if let Some(error) = refused { (failure::inline(texts.refused_filter, error)) }
        @if let Some(Ok(answer)) = &tasks { (results(&visitor, &query, answer)) }
    };
    whole_page(&visitor, status, &Page { place: Some(Place::Tasks), title, live: None, notice: None, body })
}

/// What the interface answers to the same query, without the fields that nobody filled in.
async fn listed(visitor: &Visitor, query: &Fields) -> Result<TaskListAnswer, ApiError> {
    let filled_in = query.filled_in().filter(|(name, _)| *name != "id");
    let uri = format!("/?{}", url_query(filled_in));
    let uri: Uri = uri.parse().map_err(|_| ApiError::field("query", "is too long"))?;
    Ok(list(State(visitor.app.clone()), uri).await?.0)
}

fn filter_form(visitor: &Visitor, query: &Fields) -> Markup {
    let texts = visitor.texts;
    let text = |name: &'static str, label: &str| {
        html! {
            div.field {
                label for=(name) { (label) }
                input #(name) name=(name) value=(query.exact(name)) autocomplete="off" spellcheck="false";
            }
        }
    };
    html! {
        div.filters {
            form method="get" action="/tasks" role="search" aria-label=(texts.filter_tasks) {
                (text("queue", texts.queue))
                div.field {
                    label for="state" { (texts.state) }
                    select #state name="state" {
                        option value="" { (texts.any) }
                        @for state in CoreState::ALL.map(TaskState::from) {
                            @let chosen = query.get("state") == state.as_str();
                            option value=(state.as_str()) selected[chosen] { (format::state_name(state, texts)) }
                        }
                    }
                }
                (text("kind", texts.kind))
                (text("tag", texts.tag))
                button type="submit" { (texts.filter) }
                @if FILTERS.iter().any(|name| !query.get(name).is_empty()) {
                    a.button href="/tasks" { (texts.clear) }
                }
            }
            form method="get" action="/tasks" role="search" aria-label=(texts.find_by_id) {
                div.field.by-id {
                    label for="id" { (texts.find_by_id) }
                    input #id name="id" value=(query.get("id")) autocomplete="off" spellcheck="false"
                        placeholder="0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6";
                }
                button type="submit" { (texts.find) }
            }
        }
    }
}

fn results(visitor: &Visitor, query: &Fields, answer: &TaskListAnswer) -> Markup {
    let texts = visitor.texts;
    let with = |cursor: Option<&str>| {
        let filter = FILTERS.iter().map(|name| (*name, query.exact(name)));
        let pairs =
            filter.chain(cursor.map(|cursor| ("cursor", cursor))).filter(|(_, value)| !value.is_empty());
        tasks_with(pairs)
    };
    html! {
        @match (answer.tasks.is_empty(), &answer.next_cursor) {
            (true, Some(_)) => p.blank { (texts.no_tasks_here) },
            (true, None) => p.blank { (texts.no_tasks) },
            (false, _) => (table(visitor, &answer.tasks)),
        }
        nav.pages aria-label=(texts.tasks) {
            @if !query.get("cursor").is_empty() { a.button href=(with(None)) { "← " (texts.newest) } }
            @if let Some(cursor) = &answer.next_cursor {
                a.button href=(with(Some(cursor.as_str()))) rel="next" { (texts.older) " →" }
            }
        }
    }
}

fn table(visitor: &Visitor, tasks: &[Task]) -> Markup {
    let texts = visitor.texts;
    let head = html! {
        tr {
            @for name in [texts.id, texts.kind, texts.queue, texts.state] { th scope="col" { (name) } }
            th.number scope="col" { (texts.attempts) }
            @for name in [texts.created_at, texts.runs_at, texts.tags] { th scope="col" { (name) } }
        }
    };
    let rows = html! {
        @for task in tasks {
            tr {
                th.id scope="row" { a href=(format!("/tasks/{}", task.id)) { (task.id.to_string()) } }
                td.name { (task.kind) }
                td.name { a href=(tasks_with([("queue", &*task.queue)])) { (task.queue) } }
                td { (format::state(task.state, texts)) }
                td.number { (task.attempt) "/" (task.max_attempts) }
                td.moment { (format::moment(task.created_at)) }
                td.moment { (format::moment(task.run_at)) }
                td.tags { @for tag in &task.tags { span.tag { (tag) } " " } }
            }
        }
    };
    wide_table(texts.tasks_caption, false, head, rows)
}
