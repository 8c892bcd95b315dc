//! What every answer of the dashboard tells the browser to allow: nothing but what this service itself serves.

use axum::response::Response;
use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // Not `no-referrer`: browsers would then hide the origin of our own forms, by which we know them.
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
];

/// Adds the headers. Pages are never kept: the next one to use the browser need not be signed in.
pub(super) async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.extend(HEADERS);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
