use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use taskward_api::{CreateTask, Problem, Task};
use taskward_store::Origin;

use super::idempotency;
use crate::http::App;
use crate::http::body::{self, parse};
use crate::http::error::ApiError;
use crate::http::{trace, validate};

/// Says that the answer repeats an earlier one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Creates a task.
#[utoipa::path(post, path = "/api/v1/tasks", operation_id = "create_task", tag = "tasks", request_body = CreateTask,
    params(
        ("Idempotency-Key" = Option<String>, Header,
            description = "The same key and body within 24 hours answers the same task."),
        ("traceparent" = Option<String>, Header, description = "The W3C trace that the task belongs to."),
    ),
    responses(
        (status = 201, description = "The task. `Idempotent-Replayed: true` when an earlier request made it.", body = Task),
        (status = 200, description = "An unfinished task has the same unique key: that one, with `duplicate`.", body = Task),
        (status = 409, description = "`unique_conflict`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let raw = body::read(request, &app, body::one_task_bytes(&app), false).await?;
    let key = idempotency::from_headers(&raw.headers, &raw.bytes)?.map(idempotency::for_single);
    let task = validate::new_task(parse::<CreateTask>(&raw.bytes)?, key, &app.settings.limits)?;
    let mut tasks = vec![task];
    let span = trace::send(&app, &mut tasks);
    let results = app.engine.enqueue(tasks).await;
    trace::sent(span, &results);
    let enqueued = results?
        .pop()
        .ok_or_else(|| ApiError::new(taskward_api::ProblemCode::Internal, "The store gave no result."))??;
    let mut task = Task::from(enqueued.task);
    Ok(match enqueued.origin {
        Origin::Created => (StatusCode::CREATED, Json(task)).into_response(),
        Origin::Replayed => {
            (StatusCode::CREATED, [(REPLAYED, HeaderValue::from_static("true"))], Json(task)).into_response()
        }
        Origin::Duplicate => {
            task.duplicate = true;
            (StatusCode::OK, Json(task)).into_response()
        }
    })
}
