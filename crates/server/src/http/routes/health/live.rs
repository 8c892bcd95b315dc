use axum::Json;
use serde_json::{Value, json};

/// Whether the process answers at all. Never touches the database: a restart would not mend one.
#[utoipa::path(get, path = "/health/live", operation_id = "health_live", tag = "service", responses(
    (status = 200, description = "The process answers.", body = Value, example = json!({"status": "ok"})),
))]
pub(crate) async fn live() -> Json<Value> {
    Json(json!({"status": "ok"}))
}
