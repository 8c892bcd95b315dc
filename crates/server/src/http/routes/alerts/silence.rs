use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use taskward_api::{Problem, SilenceAnswer, SilenceRequest};

use crate::http::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::observe;
use crate::http::params::Segment;

/// Silences have an end that somebody lives to see.
const HOLD: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30 * 24 * 3600));
/// Characters of a reason.
const REASON_CHARS_MAX: usize = 500;

/// Tells nobody of a rule for a while. It goes on being watched; a restart ends the silence. Another one replaces it.
#[utoipa::path(post, path = "/api/v1/alerts/{rule}/silence", operation_id = "silence_alert", tag = "alerts",
    request_body = SilenceRequest,
    params(("rule" = String, Path, description = "The rule's name.")),
    responses(
        (status = 200, description = "The rule and its silence.", body = SilenceAnswer),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn silence(
    State(app): State<Arc<App>>,
    Segment(rule): Segment,
    JsonBody(request): JsonBody<SilenceRequest>,
) -> Result<Json<SilenceAnswer>, ApiError> {
    let mut fields = Fields::default();
    let hold = fields.duration("for", Some(request.hold), HOLD.0, HOLD);
    fields.name("reason", &request.reason, REASON_CHARS_MAX);
    fields.done()?;
    let silence = app.alerts.silence(&rule, hold, request.reason).ok_or_else(super::no_such_rule)?;
    observe::log(
        || tracing::info!(alert = rule, until = %silence.until, reason = silence.reason, "an alert was silenced"),
    );
    Ok(Json(SilenceAnswer { rule, silence: Some(silence) }))
}
