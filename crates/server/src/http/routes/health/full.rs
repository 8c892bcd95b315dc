use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use taskward_api::{CheckStatus, Health, HealthCheck, HealthStatus};

use crate::http::App;
use crate::mode::Mode;

/// Readiness, with details.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "service", responses(
    (status = 200, description = "The service is ready, or read-only: `degraded`.", body = Health),
    (status = 503, description = "It is not: unavailable, or draining.", body = Health),
))]
pub(crate) async fn health(State(app): State<Arc<App>>) -> (StatusCode, Json<Health>) {
    let database = super::check_database(&app).await;
    // After the check: what it found out may have changed the mode meanwhile.
    let mode = app.engine.mode().current();
    let status = match (mode, database.status) {
        (Mode::ReadOnly, _) => HealthStatus::Degraded,
        (Mode::Normal, CheckStatus::Ok) => HealthStatus::Ok,
        _ => HealthStatus::Unavailable,
    };
    let by_hand = app.engine.mode().by_hand().map(|maintenance| HealthCheck {
        name: "maintenance".to_owned(),
        status: CheckStatus::Fail,
        latency_ms: None,
        message: Some(format!(
            "read-only since {}: {}; `taskward maintenance off` ends it",
            maintenance.since, maintenance.reason
        )),
    });
    let health = Health {
        status,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        env: app.settings.env.clone(),
        instance: app.settings.instance.clone(),
        mode: mode.as_str().to_owned(),
        uptime_seconds: app.started.elapsed().as_secs_f64(),
        checks: [database].into_iter().chain(by_hand).collect(),
    };
    let unavailable = status == HealthStatus::Unavailable;
    (if unavailable { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, Json(health))
}
