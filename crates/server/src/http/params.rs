//! Path and query parameters.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use taskward_api::HumanDuration;
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

/// A task's id from the path.
pub(crate) fn task_id(text: &str) -> Result<TaskId, ApiError> {
    text.parse().map_err(|_| ApiError::field("id", "must be a UUID, as answered when the task was created"))
}

/// The query string as a structure; unknown parameters are refused.
pub(crate) fn query<T: DeserializeOwned>(uri: &http::Uri) -> Result<T, ApiError> {
    axum::extract::Query::<T>::try_from_uri(uri)
        .map(|query| query.0)
        .map_err(|rejection| ApiError::field("query", cause(&rejection)))
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
