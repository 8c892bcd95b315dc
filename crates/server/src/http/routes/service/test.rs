use axum::Json;
use serde_json::{Value, json};

/// Checks the API key, and nothing else.
#[utoipa::path(get, path = "/api/test", operation_id = "test_key", tag = "service", responses(
    (status = 200, description = "The key is valid.", body = Value, example = json!({"status": "ok"})),
))]
pub(crate) async fn test() -> Json<Value> {
    Json(json!({"status": "ok"}))
}
