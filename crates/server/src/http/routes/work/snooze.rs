use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::{Problem, SettledAnswer, SnoozeRequest};
use taskward_store::SettlementOutcome;

use crate::http::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::params::Segment;
use crate::http::validate;

/// Puts the task off; no attempt is used.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/snooze", operation_id = "snooze_task", tag = "work", request_body = SnoozeRequest,
    params(("id" = uuid::Uuid, Path, description = "The task.")),
    responses(
        (status = 200, description = "Done; the same report again is answered the same.", body = SettledAnswer),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`lease_lost`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn snooze(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    JsonBody(request): JsonBody<SnoozeRequest>,
) -> Result<Json<SettledAnswer>, ApiError> {
    let outcome = SettlementOutcome::Snoozed(validate::snooze_delay(request.delay)?);
    super::settle(&app, &id, &request.lease_token, outcome).await
}
