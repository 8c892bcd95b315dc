//! Who may call: holders of the API key, or everybody where there is none.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use taskward_api::ProblemCode;

use super::error::ApiError;

/// A digest of the key: comparing digests takes the same time for every wrong key, whatever its length.
pub(crate) struct KeyDigest([u8; 32]);

impl KeyDigest {
    pub(crate) fn of(key: &SecretString) -> Self {
        Self(Sha256::digest(key.expose_secret().as_bytes()).into())
    }

    /// Whether this is the key.
    pub(crate) fn matches(&self, given: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        self.0.ct_eq(&given).into()
    }
}

/// Whom a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Holders of the key.
    WithKey,
    /// Everybody who reaches the port.
    Anybody,
}

/// Lets requests with the key pass.
pub(crate) fn require_key(key: &KeyDigest, headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).and_then(bearer) {
        Some(given) if key.matches(given) => Ok(()),
        Some(_) => Err(unauthorized("This API key is not valid.")),
        None => Err(unauthorized("Send the API key as \"Authorization: Bearer KEY\".")),
    }
}

/// The token of a bearer header; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn unauthorized(detail: &str) -> ApiError {
    ApiError::new(ProblemCode::Unauthorized, detail)
}
