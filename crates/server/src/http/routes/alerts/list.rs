use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::AlertList;

use crate::http::App;

/// Lists every rule and how it stands, and who is told. Answered from memory: it works while the database is away.
#[utoipa::path(get, path = "/api/v1/alerts", operation_id = "list_alerts", tag = "alerts", responses(
    (status = 200, description = "Every rule, in the order of the documentation.", body = AlertList),
))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<AlertList> {
    Json(app.alerts.list())
}
