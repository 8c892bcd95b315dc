use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use taskward_api::{CheckStatus, Health, HealthStatus};

use crate::http::App;
use crate::mode::Mode;

/// Readiness, with details.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "service", responses(
    (status = 200, description = "The service is ready.", body = Health),
    (status = 503, description = "It is not: unavailable, or draining.", body = Health),
))]
pub(crate) async fn health(State(app): State<Arc<App>>) -> (StatusCode, Json<Health>) {
    let database = super::check_database(&app).await;
    let well = database.status == CheckStatus::Ok && super::accepting(&app);
    let health = Health {
        status: match (well, app.engine.mode().current()) {
            (true, Mode::ReadOnly) => HealthStatus::Degraded,
            (true, _) => HealthStatus::Ok,
            (false, _) => HealthStatus::Unavailable,
        },
        version: env!("CARGO_PKG_VERSION").to_owned(),
        env: app.settings.env.clone(),
        instance: app.settings.instance.clone(),
        mode: app.engine.mode().current().as_str().to_owned(),
        uptime_seconds: app.started.elapsed().as_secs_f64(),
        checks: vec![database],
    };
    (if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(health))
}
