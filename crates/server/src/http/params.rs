//! Path and query parameters.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use taskward_api::{HumanDuration, ProblemCode};
use taskward_core::TaskId;

use super::App;
use super::error::ApiError;
use super::fields::Fields;

/// `?wait=30s`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitQuery {
    pub(crate) wait: Option<HumanDuration>,
}

/// The variable segment of a path. axum's own extractor answers bad encodings with plain text.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let rejection = match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(segment)) => return Ok(Self(segment)),
            Err(rejection) => rejection,
        };
        let PathRejection::FailedToDeserializePathParams(error) = rejection else {
            return Err(ApiError::new(ProblemCode::Internal, "The path has no parameter."));
        };
        Err(match error.into_kind() {
            ErrorKind::InvalidUtf8InPathParam { key } => {
                ApiError::field(&key, "must be percent-encoded UTF-8")
            }
            other => ApiError::field("path", other.to_string()),
        })
    }
}

/// A task's id from the path.
pub(crate) fn task_id(text: &str) -> Result<TaskId, ApiError> {
    text.parse().map_err(|_| ApiError::field("id", "must be a UUID, as answered when the task was created"))
}

/// The query string as a structure; unknown parameters are refused.
pub(crate) fn query<T: DeserializeOwned>(uri: &http::Uri) -> Result<T, ApiError> {
    axum::extract::Query::<T>::try_from_uri(uri).map(|query| query.0).map_err(|rejection| {
        let message = cause(&rejection);
        match message.split_once(": ").filter(|(name, _)| is_parameter(name)) {
            Some((name, message)) => ApiError::field(name, message),
            None => ApiError::field("query", message),
        }
    })
}

/// Whether a text looks like the name of a parameter.
fn is_parameter(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// The wait of a request, within what the service allows.
pub(crate) fn wait(app: &App, wait: Option<HumanDuration>) -> Result<std::time::Duration, ApiError> {
    let mut fields = Fields::default();
    let bounds = (std::time::Duration::ZERO, app.settings.limits.wait_max);
    let wait = fields.duration("wait", wait, std::time::Duration::ZERO, bounds);
    fields.done().map(|()| wait)
}

/// The innermost message: the outer ones only say that a query string was wrong.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
