use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use taskward_api::{Problem, SilenceAnswer};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::observe;
use crate::http::params::Segment;

/// Tells of a rule again.
#[utoipa::path(delete, path = "/api/v1/alerts/{rule}/silence", operation_id = "unsilence_alert", tag = "alerts",
    params(("rule" = String, Path, description = "The rule's name.")),
    responses(
        (status = 200, description = "The rule; it has no silence, whether or not it had one.", body = SilenceAnswer),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn unsilence(
    State(app): State<Arc<App>>,
    Segment(rule): Segment,
) -> Result<Json<SilenceAnswer>, ApiError> {
    app.alerts.unsilence(&rule).ok_or_else(super::no_such_rule)?;
    observe::log(|| tracing::info!(alert = rule, "an alert is no longer silenced"));
    Ok(Json(SilenceAnswer { rule, silence: None }))
}
