use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::{Problem, Queue};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::params::Segment;

/// Reads a queue.
#[utoipa::path(get, path = "/api/v1/queues/{queue}", operation_id = "get_queue", tag = "queues",
    params(("queue" = String, Path, description = "The queue's name.")),
    responses(
        (status = 200, description = "The queue.", body = Queue),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Segment(queue): Segment,
) -> Result<Json<Queue>, ApiError> {
    super::find(&app, &queue).await.map(Json)
}
