use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use taskward_api::ProblemCode;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::observe;

/// Metrics, as Prometheus text.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "service", responses(
    (status = 200, description = "Prometheus text, version 0.0.4.", body = String, content_type = "text/plain"),
))]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Result<impl IntoResponse, ApiError> {
    // The log counts by itself: it is looked at when somebody wants to know.
    app.log.count_dropped();
    let collector = Arc::clone(&app.collector);
    // It reads files of the kernel, and writes a text that may be long.
    let text = tokio::task::spawn_blocking(move || collector.text()).await.map_err(|error| {
        observe::log(|| tracing::error!(error = &error as &dyn std::error::Error, "metrics cannot be read"));
        ApiError::new(ProblemCode::Internal, "The metrics cannot be read.")
    })?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
