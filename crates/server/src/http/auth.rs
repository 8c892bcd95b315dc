//! Who may call: holders of the API key, or everybody where there is none.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use taskward_api::ProblemCode;

use super::App;
use super::error::ApiError;

/// A digest of the key: comparing digests takes the same time for every wrong key, whatever its length.
pub(crate) struct KeyDigest([u8; 32]);

impl KeyDigest {
    pub(crate) fn of(key: &SecretString) -> Self {
        Self(Sha256::digest(key.expose_secret().as_bytes()).into())
    }

    fn matches(&self, given: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        self.0.ct_eq(&given).into()
    }
}

/// Lets requests with the key pass.
pub(crate) async fn require_key(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(key) = &app.key else { return next.run(request).await };
    let given = request.headers().get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
    match given.and_then(bearer) {
        Some(given) if key.matches(given) => next.run(request).await,
        Some(_) => unauthorized("This API key is not valid."),
        None => unauthorized("Send the API key as \"Authorization: Bearer KEY\"."),
    }
}

/// The token of a bearer header; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn unauthorized(detail: &str) -> Response {
    ApiError::new(ProblemCode::Unauthorized, detail).into_response()
}
