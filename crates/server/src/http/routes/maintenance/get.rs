use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::MaintenanceAnswer;

use crate::http::App;

/// Tells the mode of this instance, and why it is so.
#[utoipa::path(get, path = "/api/v1/maintenance", operation_id = "get_maintenance", tag = "service", responses(
    (status = 200, description = "How it is.", body = MaintenanceAnswer),
))]
pub(crate) async fn get(State(app): State<Arc<App>>) -> Json<MaintenanceAnswer> {
    Json(super::answer(&app).await)
}
