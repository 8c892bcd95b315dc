use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::Uri;
use taskward_api::{HumanDuration, Problem, Task};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::params::{self, Segment, WaitQuery};

/// Reads a task.
///
/// With `wait`: answers when the task is finished, or as it is at the end of the wait.
#[utoipa::path(get, path = "/api/v1/tasks/{id}", operation_id = "get_task", tag = "tasks",
    params(
        ("id" = uuid::Uuid, Path, description = "The task."),
        ("wait" = Option<HumanDuration>, Query, description = "How long to wait until it is finished, at most 60s.", example = "30s"),
    ),
    responses(
        (status = 200, description = "The task.", body = Task),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Task>, ApiError> {
    let id = params::task_id(&id)?;
    let query: WaitQuery = params::query(&uri)?;
    let wait = params::wait(&app, query.wait)?;
    let task = app.engine.get(id, wait).await?.ok_or_else(ApiError::no_such_task)?;
    Ok(Json(task.into()))
}
