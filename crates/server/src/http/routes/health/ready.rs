use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};
use taskward_api::CheckStatus;

use crate::http::App;

/// Whether this instance should be given requests: it can answer reads at least.
#[utoipa::path(get, path = "/health/ready", operation_id = "health_ready", tag = "service", responses(
    (status = 200, description = "It should.", body = Value, example = json!({"status": "ok"})),
    (status = 503, description = "It should not: unavailable, or draining.", body = Value),
))]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    if !super::accepting(&app) {
        return unavailable("draining");
    }
    // Reads are something to be given, from a standby too.
    let database = super::ask_database(&app).await;
    if database.status == CheckStatus::Ok {
        return (StatusCode::OK, Json(json!({"status": "ok"})));
    }
    unavailable(&database.message.unwrap_or_default())
}

fn unavailable(message: &str) -> (StatusCode, Json<Value>) {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "unavailable", "message": message})))
}
