use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::{FailRequest, Problem, SettledAnswer};
use taskward_store::SettlementOutcome;

use crate::http::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::params::Segment;
use crate::http::validate;

/// Reports a failure: the task is tried again later, or is dead.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/fail", operation_id = "fail_task", tag = "work", request_body = FailRequest,
    params(("id" = uuid::Uuid, Path, description = "The task.")),
    responses(
        (status = 200, description = "Done; the same report again is answered the same.", body = SettledAnswer),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`lease_lost`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn fail(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    JsonBody(request): JsonBody<FailRequest>,
) -> Result<Json<SettledAnswer>, ApiError> {
    let outcome =
        SettlementOutcome::Failed(validate::failure(request.error, request.retryable, request.retry_after)?);
    super::settle(&app, &id, &request.lease_token, outcome).await
}
