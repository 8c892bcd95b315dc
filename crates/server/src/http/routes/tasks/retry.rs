use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::{Problem, Task};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::observe;
use crate::http::params::{self, Segment};

/// Brings a dead task back: available at once, its attempts counted afresh, its errors kept.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/retry", operation_id = "retry_task", tag = "tasks",
    params(("id" = uuid::Uuid, Path, description = "The task.")),
    responses(
        (status = 200, description = "The task, as it is now.", body = Task),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`invalid_state`, `unique_conflict`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn retry(State(app): State<Arc<App>>, Segment(id): Segment) -> Result<Json<Task>, ApiError> {
    let id = params::task_id(&id)?;
    let task = app.engine.retry(id).await??;
    observe::log(|| {
        tracing::info!(
            task.id = %id, queue = task.queue, kind = task.kind, attempt = task.attempt,
            state = task.state.as_str(), "task brought back"
        );
    });
    Ok(Json(task.into()))
}
