use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::LogLevels;

use crate::http::App;

/// Tells what the service logs now.
#[utoipa::path(get, path = "/api/v1/log/level", operation_id = "get_log_level", tag = "service", responses(
    (status = 200, description = "The levels of this instance.", body = LogLevels),
))]
pub(crate) async fn get(State(app): State<Arc<App>>) -> Json<LogLevels> {
    Json(app.log.levels().now())
}
