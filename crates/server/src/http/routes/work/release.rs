use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::{Problem, ReleaseRequest, SettledAnswer};
use taskward_store::SettlementOutcome;

use crate::http::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::params::Segment;

/// Gives the task back, available at once; no attempt is used.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/release", operation_id = "release_task", tag = "work", request_body = ReleaseRequest,
    params(("id" = uuid::Uuid, Path, description = "The task.")),
    responses(
        (status = 200, description = "Done; the same report again is answered the same.", body = SettledAnswer),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`lease_lost`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn release(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    JsonBody(request): JsonBody<ReleaseRequest>,
) -> Result<Json<SettledAnswer>, ApiError> {
    let outcome = SettlementOutcome::Released;
    super::settle(&app, &id, &request.lease_token, outcome).await
}
