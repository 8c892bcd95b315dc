//! A task: how it stands, what happened to it, what it carries; cancelling and retrying it.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use maud::{Markup, html};
use taskward_api::{AttemptError, Json, Task, TaskState};
use taskward_core::{TaskId, Timestamp};

use super::Notice;
use crate::dashboard::layout::{
    Page, Place, Region, page as whole_page, regions as in_order, token, wide_table,
};
use crate::dashboard::texts::{Texts, fill};
use crate::dashboard::visit::{Form, Visit, Visitor, tasks_with};
use crate::dashboard::{clock, failure, format, json_text};
use crate::http::error::ApiError;
use crate::http::params::{self, Segment};
use crate::http::routes::tasks as api;

pub(in crate::dashboard) async fn page(Visit(visitor): Visit, Path(id): Path<String>) -> Response {
    let task = match read(&visitor, &id).await {
        Ok(task) => task,
        Err(error) => return failure::refused(&visitor, &error),
    };
    let live = format!("/live/tasks/{}", task.id);
    let title = format!("{} {}", visitor.texts.task, task.id);
    let body = html! {
        h1 { (visitor.texts.task) " " span.id { (task.id.to_string()) } }
        (in_order(&regions(&visitor, &task)))
    };
    let (place, notice) = (Some(Place::Tasks), Notice::of(&visitor));
    // What is finished changes no more.
    let live = (!task.state.is_finished()).then_some(&*live);
    whole_page(&visitor, StatusCode::OK, &Page { place, title: &title, live, notice, body })
}

async fn read(visitor: &Visitor, id: &str) -> Result<Task, ApiError> {
    let id = params::task_id(id)?;
    let task = visitor.app.engine.get(id, std::time::Duration::ZERO).await?;
    task.map(Task::from).ok_or_else(ApiError::no_such_task)
}

/// What changes on the page of this task.
pub(in crate::dashboard) async fn regions_of(visitor: &Visitor, id: TaskId) -> Vec<Region> {
    match read(visitor, &id.to_string()).await {
        Ok(task) => regions(visitor, &task),
        Err(error) => {
            vec![Region { id: "task", html: failure::inline(visitor.texts.unreadable, &error) }]
        }
    }
}

fn regions(visitor: &Visitor, task: &Task) -> Vec<Region> {
    let texts = visitor.texts;
    let documents = [
        (texts.payload, Some(&task.payload)),
        (texts.result, task.result.as_ref()),
        (texts.progress, task.progress.as_ref()),
        (texts.metadata, task.metadata.as_ref()),
    ];
    let documents = html! {
        @for (name, json) in documents {
            @if let Some(json) = json { (document(name, json, task, texts)) }
        }
    };
    vec![
        Region { id: "task", html: html! { (facts(visitor, task)) (actions(visitor, task)) } },
        Region { id: "timeline", html: timeline(task, texts) },
        Region { id: "errors", html: errors(&task.errors, texts) },
        Region { id: "documents", html: documents },
    ]
}

fn facts(visitor: &Visitor, task: &Task) -> Markup {
    let texts = visitor.texts;
    let queue = tasks_with([("queue", &*task.queue)]);
    let kind = tasks_with([("kind", &*task.kind)]);
    html! {
        dl.facts.of-task {
            div { dt { (texts.state) } dd { (format::state(task.state, texts)) (why(task, texts)) } }
            div { dt { (texts.kind) } dd.name { a href=(kind) { (task.kind) } } }
            div { dt { (texts.queue) } dd.name { a href=(queue) { (task.queue) } } }
            div { dt { (texts.attempts) } dd { (task.attempt) "/" (task.max_attempts) } }
            @if task.crashes > 0 { div { dt { (texts.crashes) } dd { (task.crashes) } } }
            div { dt { (texts.priority) } dd { (task.priority) } }
            div { dt { (texts.timeout) } dd { (task.timeout.to_string()) } }
            @if let Some(worker) = &task.worker_id { div { dt { (texts.worker) } dd.name { (worker) } } }
            @if let Some(unique) = &task.unique { div { dt { (texts.unique_key) } dd.name { (unique.key) } } }
            @if !task.tags.is_empty() {
                div { dt { (texts.tags) } dd { @for tag in &task.tags { span.tag { (tag) } " " } } }
            }
        }
    }
}

/// Why it is where it is, when that is worth a word.
fn why(task: &Task, texts: &Texts) -> Markup {
    let reason = match task.dead_reason.as_deref() {
        Some("attempts_exhausted") => Some(texts.dead_attempts_exhausted),
        Some("not_retryable") => Some(texts.dead_not_retryable),
        Some("crash_loop") => Some(texts.dead_crash_loop),
        _ if task.cancel_requested && task.state == TaskState::Running => Some(texts.cancel_asked),
        _ => None,
    };
    html! { @if let Some(reason) = reason { " " (reason) } }
}

fn actions(visitor: &Visitor, task: &Task) -> Markup {
    let texts = visitor.texts;
    let asked = task.cancel_requested && task.state == TaskState::Running;
    html! {
        div.actions {
            @if !task.state.is_finished() && !asked {
                form method="post" action=(format!("/tasks/{}/cancel", task.id)) data-confirm=(texts.cancel_sure) {
                    (token(visitor))
                    button.danger type="submit" { (texts.cancel_task) }
                }
            }
            @if task.state == TaskState::Dead {
                form method="post" action=(format!("/tasks/{}/retry", task.id)) {
                    (token(visitor))
                    button.primary type="submit" { (texts.retry_task) }
                }
            }
        }
    }
}

/// What happened, and what will, in the order of time.
fn timeline(task: &Task, texts: &Texts) -> Markup {
    let now = clock::now();
    html! {
        section aria-labelledby="timeline-title" {
            h2 #timeline-title { (texts.timeline) }
            ol.timeline {
                @let events = events(task, texts, now);
                @for (index, (at, what)) in events.iter().enumerate() {
                    li.to-come[*at > now] {
                        (format::moment(*at)) " " span { (what) }
                        @if index > 0 {
                            @let later = at.duration_since(events[index - 1].0).as_secs_f64();
                            span.later { "+" (format::seconds(later)) }
                        }
                    }
                }
            }
        }
    }
}

fn events(task: &Task, texts: &Texts, now: Timestamp) -> Vec<(Timestamp, String)> {
    let attempt = |text: &str, number: u32| fill(text, &[("attempt", &number.to_string())]);
    let mut events = vec![(task.created_at, texts.event_created.to_owned())];
    if task.run_at > task.created_at {
        let due = if task.run_at > now { texts.event_due_later } else { texts.event_due };
        events.push((task.run_at, due.to_owned()));
    }
    if let Some(at) = task.started_at {
        events.push((at, attempt(texts.event_started, task.attempt.max(1))));
    }
    let failed = task.errors.iter().map(|error| (error.at, attempt(texts.event_failed, error.attempt)));
    events.extend(failed);
    if let Some(at) = task.lease_expires_at {
        events.push((at, texts.event_lease.to_owned()));
    }
    if let Some(at) = task.finished_at {
        events.push((at, fill(texts.event_finished, &[("state", format::state_name(task.state, texts))])));
    }
    events.sort_by_key(|(at, _)| *at);
    events
}

fn errors(errors: &[AttemptError], texts: &Texts) -> Markup {
    if errors.is_empty() {
        return html! {};
    }
    let head = html! {
        tr {
            th.number scope="col" { (texts.attempt) }
            @for name in [texts.when, texts.error_type, texts.message, texts.worker] { th scope="col" { (name) } }
        }
    };
    let rows = html! {
        @for error in errors {
            tr {
                td.number { (error.attempt) }
                td.moment { (format::moment(error.at)) }
                td.name { (error.kind) }
                td.message {
                    (error.message)
                    @if let Some(trace) = &error.trace {
                        details { summary { (texts.trace) } pre { (trace) } }
                    }
                }
                td.name { (error.worker_id.as_deref().unwrap_or("–")) }
            }
        }
    };
    html! {
        section aria-labelledby="errors-title" {
            h2 #errors-title { (texts.errors) }
            (wide_table(texts.errors_caption, false, head, rows))
        }
    }
}

fn document(name: &str, json: &Json, task: &Task, texts: &Texts) -> Markup {
    let (text, cut) = json_text::indented(json.get());
    html! {
        section {
            h2 { (name) " " small { (format::bytes(json.get().len())) } }
            pre.document tabindex="0" role="region" aria-label=(name) { (text) }
            @if cut {
                @let path = format!("/api/v1/tasks/{}", task.id);
                p.quiet { (fill(texts.cut_here, &[("bytes", &format::bytes(text.len())), ("path", &path)])) }
            }
        }
    }
}

pub(in crate::dashboard) async fn cancel(Path(id): Path<String>, form: Form) -> Response {
    let answer = api::cancel::cancel(State(form.visit.app.clone()), Segment(id)).await;
    let notice = |task: &Task| match task.state {
        TaskState::Running => Notice::Stopping,
        _ => Notice::Cancelled,
    };
    done(&form.visit, answer.map(|task| (notice(&task.0), task.0)))
}

pub(in crate::dashboard) async fn retry(Path(id): Path<String>, form: Form) -> Response {
    let answer = api::retry::retry(State(form.visit.app.clone()), Segment(id)).await;
    done(&form.visit, answer.map(|task| (Notice::Retried, task.0)))
}

fn done(visitor: &Visitor, outcome: Result<(Notice, Task), ApiError>) -> Response {
    match outcome {
        Ok((notice, task)) => {
            Redirect::to(&format!("/tasks/{}?notice={}", task.id, notice.word())).into_response()
        }
        Err(error) => failure::refused(visitor, &error),
    }
}
