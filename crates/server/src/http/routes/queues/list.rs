use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::QueueList;

use crate::http::App;
use crate::http::error::ApiError;

/// Lists queues, with what waits in them and what happens to it.
#[utoipa::path(get, path = "/api/v1/queues", operation_id = "list_queues", tag = "queues", responses(
    (status = 200, description = "Every queue that has had a task or was paused, by name.", body = QueueList),
))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<QueueList>, ApiError> {
    let queues = app.engine.store().queues().await?;
    Ok(Json(QueueList { queues: queues.into_iter().map(|summary| super::view(&app, summary)).collect() }))
}
