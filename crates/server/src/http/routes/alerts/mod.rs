//! Alerts.

pub(crate) mod list;
pub(crate) mod silence;
pub(crate) mod unsilence;

use taskward_api::ProblemCode;

use crate::http::error::ApiError;

pub(crate) fn no_such_rule() -> ApiError {
    ApiError::new(
        ProblemCode::NotFound,
        "There is no rule of this name; GET /api/v1/alerts lists those there are.",
    )
}
