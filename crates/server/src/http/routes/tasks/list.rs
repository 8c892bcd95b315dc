use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::Uri;
use serde::Deserialize;
use taskward_api::{TaskListAnswer, TaskState};
use taskward_core::TaskId;
use taskward_store::{PageRequest, TaskFilter};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::params;
use crate::http::validate;

const PAGE_TASKS: u32 = 50;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    queue: Option<String>,
    state: Option<TaskState>,
    kind: Option<String>,
    tag: Option<String>,
    limit: Option<i64>,
    cursor: Option<String>,
}

/// Lists tasks, newest first.
#[utoipa::path(get, path = "/api/v1/tasks", operation_id = "list_tasks", tag = "tasks",
    params(
        ("queue" = Option<String>, Query, min_length = 1, max_length = 100, description = "Only tasks of this queue."),
        ("state" = Option<TaskState>, Query, description = "Only tasks in this state."),
        ("kind" = Option<String>, Query, min_length = 1, max_length = 200, description = "Only tasks of this kind."),
        ("tag" = Option<String>, Query, min_length = 1, max_length = 100, description = "Only tasks with this tag."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Tasks on a page, 1 to 1000. Default: 50."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
    ),
    responses((status = 200, description = "A page of tasks.", body = TaskListAnswer)))]
pub(crate) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<TaskListAnswer>, ApiError> {
    let query: ListQuery = params::query(&uri)?;
    let mut fields = Fields::default();
    let limit_max = u32::try_from(app.settings.limits.page_tasks_max).unwrap_or(u32::MAX);
    let limit = fields.number("limit", query.limit, PAGE_TASKS.min(limit_max), (1, limit_max));
    let before: Option<TaskId> = query.cursor.as_deref().and_then(|cursor| {
        let id = cursor.parse().ok();
        if id.is_none() {
            fields.refuse("cursor", "must be the next_cursor of an earlier answer");
        }
        id
    });
    let filters = [
        ("queue", &query.queue, validate::QUEUE_CHARS_MAX),
        ("kind", &query.kind, validate::KIND_CHARS_MAX),
        ("tag", &query.tag, validate::TAG_CHARS_MAX),
    ];
    for (name, value, max) in filters {
        // What no task can have is a mistake, and NUL is more than PostgreSQL can be asked about.
        value.iter().for_each(|value| fields.name(name, value, max));
    }
    fields.done()?;
    let filter = TaskFilter {
        queue: query.queue,
        state: query.state.map(Into::into),
        kind: query.kind,
        tag: query.tag,
    };
    let page = app.engine.store().list(filter, PageRequest { limit: limit as usize, before }).await?;
    Ok(Json(TaskListAnswer {
        tasks: page.tasks.into_iter().map(Into::into).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}
