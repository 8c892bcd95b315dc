//! Every request gets an id, a duration and, when it fails inside, a line in the log.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::CONTENT_LENGTH;
use http::{HeaderName, HeaderValue};
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use super::App;
use super::error::ProblemSent;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids are replaced: they end up in every line of the log.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Wraps every request.
pub(crate) async fn observe(State(_app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = method_label(request.method());
    let span = tracing::info_span!("request", request_id = %id, method, route);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    let elapsed = started.elapsed();
    if measured(&route) {
        metrics::histogram!(
            "taskward_http_request_duration_seconds",
            "method" => method, "route" => route, "status" => status.as_str().to_owned()
        )
        .record(elapsed.as_secs_f64());
    }
    span.in_scope(|| {
        tracing::debug!(status = status.as_u16(), elapsed_ms = elapsed.as_millis() as u64, "answered");
    });
    if let Some(ProblemSent(mut problem)) = response.extensions_mut().remove::<ProblemSent>() {
        problem.request_id = Some(id.clone());
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = serde_json::to_vec(&problem).unwrap_or_default().into();
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Probes and scrapes would drown the requests of users.
fn measured(route: &str) -> bool {
    !route.starts_with("/health") && route != "/metrics"
}

/// A method as a label: clients may send any word as a method.
fn method_label(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The client's id when it is harmless, else one of ours.
fn request_id(request: &Request) -> String {
    request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
        })
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}
