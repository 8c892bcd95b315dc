use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::{MaintenanceAnswer, MaintenanceMode, SetMaintenance};

use crate::http::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::observe;
use crate::mode::Maintenance;

/// Characters of a reason.
const REASON_CHARS_MAX: usize = 500;

/// Makes this instance read-only until somebody ends it, over restarts too.
///
/// It needs no database. The answer comes when what was being written is written. Leases are kept: workers have one
/// lease of time when it ends.
#[utoipa::path(put, path = "/api/v1/maintenance", operation_id = "set_maintenance", tag = "service",
    request_body = SetMaintenance,
    responses((status = 200, description = "How it is now.", body = MaintenanceAnswer)))]
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    JsonBody(request): JsonBody<SetMaintenance>,
) -> Result<Json<MaintenanceAnswer>, ApiError> {
    let SetMaintenance { mode: MaintenanceMode::ReadOnly, reason } = request;
    let mut fields = Fields::default();
    fields.name("reason", &reason, REASON_CHARS_MAX);
    fields.done()?;
    let maintenance = Maintenance::begin(reason, observe::request_id());
    observe::log(|| {
        tracing::warn!(
            event.category = "configuration",
            event.action = "maintenance_begun",
            reason = maintenance.reason,
            "maintenance begins: read-only until somebody ends it"
        );
    });
    super::put(&app, Some(maintenance)).await;
    super::settles(|| app.engine.pending().0.items == 0).await;
    Ok(Json(super::answer(&app).await))
}
