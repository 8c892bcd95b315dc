//! From an error of the client to one of the command line.

use std::error::Error;

use taskward_client::{ClientError, Problem, ProblemCode};

use super::{CliError, UNCHANGED};
use crate::context::Context;
use crate::exit::Exit;

/// Whether a call changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It only looks.
    Read,
    /// It changes something.
    Write,
}

impl CliError {
    /// What a failed call means to whoever typed the command.
    pub(crate) fn from_client(error: &ClientError, effect: Effect, context: &Context) -> Self {
        let state = if effect == Effect::Read || error.changed_nothing() {
            UNCHANGED
        } else {
            "unknown: the request may have been applied before the answer was lost"
        };
        described(error, context).state(state)
    }
}

fn described(error: &ClientError, context: &Context) -> CliError {
    let message = error.to_string();
    match error {
        ClientError::InvalidUrl(_) => {
            CliError::usage("invalid_url", message).next("export TASKWARD_URL=http://127.0.0.1:8000")
        }
        ClientError::InvalidKey => CliError::usage("invalid_key", message).next(ENTER_KEY),
        ClientError::InvalidRequest(_) => CliError::usage("invalid_request", message),
        ClientError::Unreachable { .. } => CliError::new(Exit::Unreachable, "unreachable", message)
            .why(error.source().map(ToString::to_string).unwrap_or_default())
            .next(context.command("health ready --wait 30s")),
        ClientError::TimedOut { .. } => CliError::new(Exit::Unreachable, "timed_out", message)
            .why("the service is slow, or something between drops the connection")
            .next(context.command("health ready")),
        ClientError::Problem { problem, .. } => refused(problem, context),
        ClientError::Protocol { .. } => CliError::new(Exit::Unknown, "not_understood", message)
            .why("something else listens there, or a proxy answers in the service's place")
            .next(context.command("health live")),
        _ => CliError::new(Exit::Failed, "client", message),
    }
}

/// Reads a key from the terminal without showing it.
const ENTER_KEY: &str = "read -rs API_KEY && export API_KEY";

fn refused(problem: &Problem, context: &Context) -> CliError {
    let (exit, next) = match problem.code {
        ProblemCode::InvalidJson
        | ProblemCode::ValidationFailed
        | ProblemCode::PayloadTooLarge
        | ProblemCode::UnsupportedMediaType
        | ProblemCode::MethodNotAllowed => (Exit::Usage, None),
        ProblemCode::Unauthorized | ProblemCode::Forbidden => (Exit::Refused, Some(ENTER_KEY.to_owned())),
        ProblemCode::NotFound => (Exit::NotFound, None),
        ProblemCode::LeaseLost
        | ProblemCode::InvalidState
        | ProblemCode::UniqueConflict
        | ProblemCode::IdempotencyKeyReused => (Exit::Conflict, None),
        ProblemCode::Timeout
        | ProblemCode::RateLimited
        | ProblemCode::Overloaded
        | ProblemCode::Draining
        | ProblemCode::DatabaseUnavailable => {
            (Exit::Unreachable, Some(context.command("health ready --wait 30s")))
        }
        ProblemCode::ReadOnly => (Exit::Unreachable, Some(context.command("maintenance status"))),
        ProblemCode::Internal => (Exit::Failed, Some(context.command("health ready"))),
    };
    let message = if problem.detail.is_empty() { problem.title.clone() } else { problem.detail.clone() };
    let mut error = CliError::new(exit, problem.code.as_str(), message);
    if let Some(next) = next {
        error = error.next(next);
    }
    if problem.code == ProblemCode::Internal
        && let Some(id) = &problem.request_id
    {
        error = error.why(format!("the service's log has the cause under request id {id}"));
    }
    if !problem.errors.is_empty() {
        error = error.detail("errors", &problem.errors);
    }
    error
}
