use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use taskward_api::{LogLevels, SetLogLevel};
use taskward_core::LogLevel;

use crate::http::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::observe;
use crate::telemetry::log::LevelChange;

/// How long a level holds when nobody says.
const LASTS_DEFAULT: Duration = Duration::from_secs(15 * 60);
/// For how long a level may be set: a log that is left at DEBUG fills disks.
const LASTS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(24 * 60 * 60));

/// Logs more, or less, for a while; then it reverts by itself.
///
/// It is for the instance that answers, and does not survive its restart. Every change is logged, whatever the level.
#[utoipa::path(put, path = "/api/v1/log/level", operation_id = "set_log_level", tag = "service",
    request_body = SetLogLevel,
    responses((status = 200, description = "The levels, as they are now.", body = LogLevels)))]
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    JsonBody(request): JsonBody<SetLogLevel>,
) -> Result<Json<LogLevels>, ApiError> {
    let mut fields = Fields::default();
    let level = LogLevel::parse(&request.level);
    if level.is_none() {
        fields.refuse(
            "level",
            format!("must be ERROR, WARNING, INFO, DEBUG or TRACE{}", meant(&request.level)),
        );
    }
    let lasts = fields.duration("for", request.lasts, LASTS_DEFAULT, LASTS);
    fields.done()?;
    if let Some(level) = level {
        let change = LevelChange { level, target: request.target, lasts, set_by: observe::request_id() };
        app.log.levels().set(change).map_err(|refused| ApiError::field("target", refused.to_string()))?;
    }
    Ok(Json(app.log.levels().now()))
}

/// The level that was probably meant.
fn meant(text: &str) -> String {
    let text: String = text.chars().take(32).collect::<String>().to_ascii_uppercase();
    let near = LogLevel::ALL.into_iter().map(|level| (strsim::osa_distance(&text, level.as_str()), level));
    match near.min() {
        Some((distance, level)) if distance <= 2 => format!("; did you mean {level}?"),
        _ => String::new(),
    }
}
