//! Every request gets an id, a duration and, when it fails inside, a line in the log.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use metrics::Histogram;
use opentelemetry::Context;
use tokio::time::Instant;
use tower::Service;
use uuid::Uuid;

use super::App;
use super::auth::{Access, require_key};
use super::error::{ApiError, ProblemSent};
use super::trace;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids are replaced: they end up in every line of the log.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// A route and method, as what stands around it sees it.
pub(crate) struct Place {
    app: Arc<App>,
    access: Access,
    durations: Durations,
}

/// What answers took at one place, by the request's method and the answer's status. Looking a histogram up by
/// its labels costs more than all the rest of observing.
#[derive(Default)]
struct Durations(RwLock<Vec<(&'static str, StatusCode, Histogram)>>);

tokio::task_local! {
    /// The request that is being answered.
    static REQUEST: Asked;
}

/// What lines of the log say about the request they belong to.
#[derive(Clone)]
struct Asked {
    id: HeaderValue,
    method: &'static str,
    path: Option<MatchedPath>,
    /// Its span, where requests are traced.
    trace: Option<Context>,
}

/// Writes a line to the log, inside a span that names the request it belongs to. The span is made for the line:
/// nearly every request is answered without one, and making a span costs as much as parsing a task.
pub(crate) fn log(line: impl FnOnce()) {
    let span = REQUEST.try_with(|Asked { id, method, path, trace }| {
        let ids = trace.as_ref().map(trace::ids);
        let (trace_id, span_id) = ids.as_ref().map(|(trace, span)| (trace.as_str(), span.as_str())).unzip();
        let route = label(path.as_ref());
        tracing::info_span!(
            "request", request_id = %text(id), method, route, trace.id = trace_id, span.id = span_id
        )
    });
    span.unwrap_or_else(|_| tracing::Span::none()).in_scope(line);
}

/// The id of the request that is being answered.
pub(crate) fn request_id() -> String {
    REQUEST.try_with(|asked| text(&asked.id).to_owned()).unwrap_or_default()
}

/// The span of the request that is being answered, where requests are traced.
pub(crate) fn trace() -> Option<Context> {
    REQUEST.try_with(|asked| asked.trace.clone()).ok().flatten()
}

/// Wraps every request.
pub(crate) fn observe(
    place: Arc<Place>,
    route: &mut Route,
    request: Request,
) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
    let started = Instant::now();
    let id = id_of(request.headers());
    let path = request.extensions().get::<MatchedPath>().cloned();
    let method = method_label(request.method());
    let trace = place.trace(&request, method, path.as_ref());
    let answering = place.admit(request.headers()).map(|()| route.call(request));
    let answered = async move {
        let mut response = match answering {
            Ok(answering) => answering.await?,
            Err(refused) => refused.into_response(),
        };
        let (status, elapsed) = (response.status(), started.elapsed());
        let Asked { id, method, path, trace } = REQUEST.get();
        if place.app.settings.metrics {
            place.durations.record(method, label(path.as_ref()), status, elapsed);
        }
        if tracing::enabled!(tracing::Level::DEBUG) {
            let elapsed_ms = elapsed.as_millis() as u64;
            log(|| tracing::debug!(status = status.as_u16(), elapsed_ms, "answered"));
        }
        if let Some(span) = trace {
            trace::answered(&span, status);
        }
        complete_problem(&mut response, &id);
        response.headers_mut().insert(REQUEST_ID, id);
        Ok(response)
    };
    REQUEST.scope(Asked { id, method, path, trace }, answered)
}

impl Place {
    pub(crate) fn new(app: Arc<App>, access: Access) -> Self {
        Self { app, access, durations: Durations::default() }
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        match &self.app.key {
            Some(key) if self.access == Access::WithKey => require_key(key, headers),
            _ => Ok(()),
        }
    }

    /// The span of a request, where requests are traced.
    fn trace(&self, request: &Request, method: &'static str, path: Option<&MatchedPath>) -> Option<Context> {
        let tracer = self.app.tracer.as_ref().filter(|_| measured(label(path)))?;
        Some(trace::begin(tracer, request, method, path))
    }
}

impl Durations {
    /// The route is the same at every call.
    fn record(&self, method: &'static str, route: &str, status: StatusCode, elapsed: Duration) {
        if !measured(route) {
            return;
        }
        let seconds = elapsed.as_secs_f64();
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., histogram)) = known.iter().find(|(m, s, _)| (*m, *s) == (method, status)) {
            return histogram.record(seconds);
        }
        drop(known);
        let histogram = metrics::histogram!(
            "taskward_http_request_duration_seconds",
            "method" => method, "route" => route.to_owned(), "status" => status.as_str().to_owned()
        );
        histogram.record(seconds);
        // Another request may have been as early; both then have the same histogram.
        self.0.write().unwrap_or_else(PoisonError::into_inner).push((method, status, histogram));
    }
}

/// A problem tells the request's id.
fn complete_problem(response: &mut Response, id: &HeaderValue) {
    if let Some(ProblemSent(mut problem)) = response.extensions_mut().remove::<ProblemSent>() {
        problem.request_id = Some(text(id).to_owned());
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = serde_json::to_vec(&problem).unwrap_or_default().into();
    }
}

fn label(path: Option<&MatchedPath>) -> &str {
    path.map_or("unmatched", MatchedPath::as_str)
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
fn id_of(headers: &HeaderMap) -> HeaderValue {
    if let Some(given) = headers.get(&REQUEST_ID).filter(|id| is_harmless(id.as_bytes())) {
        return given.clone();
    }
    let mut buffer = Uuid::encode_buffer();
    let id: &str = Uuid::now_v7().as_hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("-"))
}

fn is_harmless(id: &[u8]) -> bool {
    (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

/// An id is ASCII.
fn text(id: &HeaderValue) -> &str {
    id.to_str().unwrap_or_default()
}
