use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::Queue;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::params::Segment;

/// Pauses a queue: it takes tasks and gives out none, until resumed. Restarts change nothing.
#[utoipa::path(post, path = "/api/v1/queues/{queue}/pause", operation_id = "pause_queue", tag = "queues",
    params(("queue" = String, Path, description = "The queue's name; it need not have had a task.")),
    responses((status = 200, description = "The queue, as it is now.", body = Queue)))]
pub(crate) async fn pause(
    State(app): State<Arc<App>>,
    Segment(queue): Segment,
) -> Result<Json<Queue>, ApiError> {
    super::set_paused(&app, &queue, true).await
}
