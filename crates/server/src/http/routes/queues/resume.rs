use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::{Problem, Queue};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::params::Segment;

/// Resumes a queue.
#[utoipa::path(post, path = "/api/v1/queues/{queue}/resume", operation_id = "resume_queue", tag = "queues",
    params(("queue" = String, Path, description = "The queue's name.")),
    responses(
        (status = 200, description = "The queue, as it is now.", body = Queue),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    Segment(queue): Segment,
) -> Result<Json<Queue>, ApiError> {
    super::set_paused(&app, &queue, false).await
}
