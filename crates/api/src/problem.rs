//! Errors over HTTP: problem details, as in RFC 9457, with a stable code.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of every answer that is not a success, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:taskward:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the code means, in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request, and what to do.
    pub detail: String,
    /// The stable code.
    pub code: ProblemCode,
    /// Each field that is wrong, for `validation_failed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The request's id, also in the `X-Request-Id` header and the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where: `priority`, `retry.factor`, `tasks[3].kind`; empty for the whole body.
    pub field: String,
    /// What is expected there.
    pub message: String,
}

impl Problem {
    /// A problem with a code and what is wrong.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:taskward:problem:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            errors: Vec::new(),
            request_id: None,
        }
    }

    /// `validation_failed` with its fields.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let listed = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Self { errors, ..Self::new(ProblemCode::ValidationFailed, listed) }
    }
}

impl FieldError {
    /// A field and what is expected there.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

/// Declares the codes once: variant, name, status, title.
macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal $status:literal $title:literal,)*) => {
        /// The stable codes of problems.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum ProblemCode {
            $($(#[doc = $doc])* #[serde(rename = $name)] $variant,)*
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code, as in JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The HTTP status it travels with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// What it means, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or not UTF-8.
    InvalidJson "invalid_json" 400 "The body is not valid JSON",
    /// No key, or a wrong one.
    Unauthorized "unauthorized" 401 "A valid API key is required",
    /// The key may not do this.
    Forbidden "forbidden" 403 "The API key may not do this",
    /// There is no such thing.
    NotFound "not_found" 404 "Not found",
    /// The path exists, with another method.
    MethodNotAllowed "method_not_allowed" 405 "Method not allowed",
    /// The request, or the database, took too long.
    Timeout "timeout" 408 "The request took too long",
    /// The lease is no longer held: stop working on the task.
    LeaseLost "lease_lost" 409 "The lease is no longer held",
    /// The task's state forbids this.
    InvalidState "invalid_state" 409 "The task's state forbids this",
    /// An unfinished task has the same unique key.
    UniqueConflict "unique_conflict" 409 "An unfinished task has the same unique key",
    /// The body, the payload or the result is too large.
    PayloadTooLarge "payload_too_large" 413 "Too large",
    /// The body is not of a type this path takes.
    UnsupportedMediaType "unsupported_media_type" 415 "Unsupported media type",
    /// Fields are missing, unknown or out of range; `errors` lists them.
    ValidationFailed "validation_failed" 422 "The request is not valid",
    /// The idempotency key was used with another body.
    IdempotencyKeyReused "idempotency_key_reused" 422 "The idempotency key was used with another body",
    /// Too many requests.
    RateLimited "rate_limited" 429 "Too many requests",
    /// An error of the service; the log has it under the request's id.
    Internal "internal" 500 "Internal error",
    /// The service takes no writes for now.
    ReadOnly "read_only" 503 "The service is read-only",
    /// The service has too much in memory already.
    Overloaded "overloaded" 503 "The service is overloaded",
    /// The service is shutting down.
    Draining "draining" 503 "The service is shutting down",
    /// The database cannot be reached.
    DatabaseUnavailable "database_unavailable" 503 "The database is unavailable",
}

impl std::fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
