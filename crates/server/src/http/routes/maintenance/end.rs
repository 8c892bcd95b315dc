use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::MaintenanceAnswer;

use crate::http::App;
use crate::http::observe;

/// Ends what an operator began. The instance stays read-only as long as its database wants it to be.
///
/// The answer comes when workers were given time, and writes are taken.
#[utoipa::path(delete, path = "/api/v1/maintenance", operation_id = "end_maintenance", tag = "service", responses(
    (status = 200, description = "How it is now.", body = MaintenanceAnswer),
))]
pub(crate) async fn end(State(app): State<Arc<App>>) -> Json<MaintenanceAnswer> {
    let mode = app.engine.mode();
    observe::log(|| {
        tracing::warn!(
            event.category = "configuration",
            event.action = "maintenance_ended",
            "maintenance ends"
        );
    });
    super::put(&app, None).await;
    super::settles(|| mode.read_only().is_none() || mode.trouble().is_some()).await;
    Json(super::answer(&app).await)
}
