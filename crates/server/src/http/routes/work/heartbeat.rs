use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::{HeartbeatAnswer, HeartbeatRequest, Problem};
use taskward_store::Heartbeat;

use crate::http::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::params::{self, Segment};
use crate::http::validate;

/// Extends a lease, and says how far the work is.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/heartbeat", operation_id = "heartbeat_task", tag = "work", request_body = HeartbeatRequest,
    params(("id" = uuid::Uuid, Path, description = "The task.")),
    responses(
        (status = 200, description = "The lease is extended.", body = HeartbeatAnswer),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`lease_lost`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn heartbeat(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    JsonBody(request): JsonBody<HeartbeatRequest>,
) -> Result<Json<HeartbeatAnswer>, ApiError> {
    let limits = &app.settings.limits;
    let id = params::task_id(&id)?;
    let mut fields = Fields::default();
    let extend = super::lease_duration(&mut fields, request.lease, limits);
    if let Some(progress) = &request.progress {
        fields.object("progress", progress, limits.metadata_bytes_max);
    }
    fields.done()?;
    let lease = validate::lease(&request.lease_token)?;
    let held = app.engine.heartbeat(Heartbeat { id, lease, extend, progress: request.progress }).await??;
    Ok(Json(HeartbeatAnswer { lease_expires_at: held.expires_at, cancel_requested: held.cancel_requested }))
}
