use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use taskward_api::{HumanDuration, MetricsSummary};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::params;
use crate::telemetry::summary;

const WINDOW_DEFAULT: Duration = Duration::from_secs(300);
/// Two samples at least.
const WINDOW_MIN: Duration = Duration::from_secs(10);
const WINDOW_MAX: Duration = Duration::from_secs(3600);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SummaryQuery {
    window: Option<HumanDuration>,
}

/// Sums up how this instance did lately: requests, tasks, the system.
#[utoipa::path(get, path = "/api/v1/metrics/summary", operation_id = "metrics_summary", tag = "service",
    params(("window" = Option<HumanDuration>, Query, description = "How far back, 10s to 1h. Default: 5m.")),
    responses((status = 200, description = "The figures; null where there is no data.", body = MetricsSummary)))]
pub(crate) async fn metrics_summary(
    State(app): State<Arc<App>>,
    uri: http::Uri,
) -> Result<Json<MetricsSummary>, ApiError> {
    let query: SummaryQuery = params::query(&uri)?;
    let mut fields = Fields::default();
    let window = fields.duration("window", query.window, WINDOW_DEFAULT, (WINDOW_MIN, WINDOW_MAX));
    fields.done()?;
    Ok(Json(summary::of(&app.history, window)))
}
