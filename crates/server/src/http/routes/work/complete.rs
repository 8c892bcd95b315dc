use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::{CompleteRequest, Problem, SettledAnswer};
use taskward_store::SettlementOutcome;

use crate::http::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::params::Segment;
use crate::http::validate;

/// Reports success.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/complete", operation_id = "complete_task", tag = "work", request_body = CompleteRequest,
    params(("id" = uuid::Uuid, Path, description = "The task.")),
    responses(
        (status = 200, description = "Done; the same report again is answered the same.", body = SettledAnswer),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`lease_lost`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn complete(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    JsonBody(request): JsonBody<CompleteRequest>,
) -> Result<Json<SettledAnswer>, ApiError> {
    let outcome = SettlementOutcome::Completed(validate::result(request.result, &app.settings.limits)?);
    super::settle(&app, &id, &request.lease_token, outcome).await
}
