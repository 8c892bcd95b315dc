//! The one mapping from errors to problems.

use std::error::Error;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use taskward_api::{FieldError, ItemError, Problem, ProblemCode};
use taskward_store::{EnqueueError, HeartbeatError, OperateError, SettleError, StoreError};

use super::observe;
use crate::engine::EngineError;

/// A request that is answered with a problem.
#[derive(Debug)]
pub(crate) struct ApiError(pub(crate) Box<Problem>);

impl ApiError {
    pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        Problem::validation(vec![FieldError::new(field, message)]).into()
    }

    pub(crate) fn no_such_task() -> Self {
        Self::new(
            ProblemCode::NotFound,
            "There is no task with this id; it may have been pruned from the history.",
        )
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = self.0;
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if problem.code == ProblemCode::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if problem.status == 503 {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // The observing layer completes the body with the request's id.
        response.extensions_mut().insert(ProblemSent(problem));
        response
    }
}

/// Marks an answer as a problem, for the layer that adds the request's id.
#[derive(Clone)]
pub(crate) struct ProblemSent(pub(crate) Box<Problem>);

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Overloaded => Self::new(
                ProblemCode::Overloaded,
                "Too much is waiting for a commit already. Nothing was changed; try again after Retry-After.",
            ),
            EngineError::Draining => Self::new(
                ProblemCode::Draining,
                "This instance is shutting down. Nothing was changed; try again, here or at another instance.",
            ),
            EngineError::ReadOnly(cause) => Self::new(
                ProblemCode::ReadOnly,
                format!(
                    "The service takes no writes for now: {cause}. Nothing was changed; leases are kept meanwhile. Try \
                     again after Retry-After."
                ),
            ),
            EngineError::Store(error) => Self::from(&*error),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for ApiError {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                observe::log(|| tracing::warn!(error = error as &dyn Error, "the database is unavailable"));
                Self::new(
                    ProblemCode::DatabaseUnavailable,
                    "The database cannot be reached. The call may or may not have been applied; repeating it is safe \
                     for reports and for creations with an Idempotency-Key.",
                )
            }
            StoreError::ReadOnly(_) => {
                observe::log(|| tracing::warn!(error = error as &dyn Error, "the database refuses writes"));
                Self::new(ProblemCode::ReadOnly, "The database refuses writes. Nothing was changed.")
            }
            StoreError::Timeout => Self::new(ProblemCode::Timeout, "The database did not answer in time."),
            other => {
                observe::log(|| tracing::error!(error = other as &dyn Error, "a store call failed"));
                Self::new(
                    ProblemCode::Internal,
                    "Something went wrong in the service. The log has it under this request's id.",
                )
            }
        }
    }
}

impl From<SettleError> for ApiError {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::NotFound => Self::no_such_task(),
            SettleError::LeaseLost => Self::new(ProblemCode::LeaseLost, LEASE_LOST),
            SettleError::Refused => Self::new(ProblemCode::Internal, ITEM_REFUSED),
        }
    }
}

impl From<HeartbeatError> for ApiError {
    fn from(error: HeartbeatError) -> Self {
        match error {
            HeartbeatError::NotFound => Self::no_such_task(),
            HeartbeatError::LeaseLost => Self::new(ProblemCode::LeaseLost, LEASE_LOST),
        }
    }
}

impl From<OperateError> for ApiError {
    fn from(error: OperateError) -> Self {
        match error {
            OperateError::NotFound => Self::no_such_task(),
            OperateError::InvalidState(state) => {
                Self::new(ProblemCode::InvalidState, format!("The task is {state}; it was not changed."))
            }
            OperateError::UniqueConflict { existing } => Self::new(
                ProblemCode::UniqueConflict,
                format!("Task {existing} has the same unique key and is not finished."),
            ),
        }
    }
}

impl From<EnqueueError> for ApiError {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::UniqueConflict { existing } => Self::new(
                ProblemCode::UniqueConflict,
                format!("Task {existing} has the same unique key and is not finished."),
            ),
            EnqueueError::IdempotencyKeyReused => Self::new(
                ProblemCode::IdempotencyKeyReused,
                "This Idempotency-Key was used with another body not long ago (tasks.idempotency_window).",
            ),
            EnqueueError::Aborted => {
                Self::new(ProblemCode::ValidationFailed, "Another task of the atomic batch was refused.")
            }
            EnqueueError::Refused => Self::new(ProblemCode::Internal, ITEM_REFUSED),
        }
    }
}

impl From<ApiError> for ItemError {
    fn from(error: ApiError) -> Self {
        Self { code: error.0.code, detail: error.0.detail, errors: error.0.errors }
    }
}

const LEASE_LOST: &str = "This lease is no longer held: it expired, was reported on already, or the task was taken over. \
                          Stop working on the task; nothing was changed.";
const ITEM_REFUSED: &str =
    "The database refused this item; the others of the request stand. The service's log has the cause.";
