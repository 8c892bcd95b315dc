//! What PostgreSQL's errors mean to a caller of the store.

use std::error::Error;
use std::io;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::{WasNull, WrongType};

use crate::StoreError;

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(said) = error.as_db_error() {
            return classify_state(said.code())(ServerError::of(said).into());
        }
        let cause = error.source();
        if cause.is_some_and(|cause| cause.is::<WrongType>() || cause.is::<WasNull>()) {
            return Self::Corrupt(describe(&error));
        }
        Self::Unavailable(error.into())
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            // Every connection is busy: the database is there, but slow.
            PoolError::Timeout(TimeoutType::Wait) => Self::Timeout,
            other => Self::Unavailable(other.into()),
        }
    }
}

/// Whether the same transaction may succeed if it is simply tried again: it was chosen as the victim of a
/// deadlock or of a serialization conflict.
pub(super) fn is_conflict(error: &StoreError) -> bool {
    sql_state(error).is_some_and(|state| {
        *state == SqlState::T_R_DEADLOCK_DETECTED || *state == SqlState::T_R_SERIALIZATION_FAILURE
    })
}

/// The state PostgreSQL gave with an error, where it was PostgreSQL that refused.
pub(super) fn sql_state(error: &StoreError) -> Option<&SqlState> {
    match error {
        StoreError::Rejected(source) | StoreError::Unavailable(source) | StoreError::ReadOnly(source) => {
            Some(&source.downcast_ref::<ServerError>()?.state)
        }
        _ => None,
    }
}

/// States whose very messages quote values: data that does not fit, and whatever somebody's own triggers say.
const QUOTING: [&str; 2] = ["22", "P0"];

/// What PostgreSQL said, without its details: those quote rows, and rows hold payloads. This ends up in logs.
#[derive(Debug, thiserror::Error)]
#[error("{severity}: {message} (SQLSTATE {})", .state.code())]
struct ServerError {
    severity: String,
    message: String,
    state: SqlState,
}

impl ServerError {
    fn of(said: &DbError) -> Self {
        let quotes = QUOTING.iter().any(|class| said.code().code().starts_with(class));
        let message =
            if quotes { "a value was refused; the server's log says which" } else { said.message() };
        Self { severity: said.severity().to_owned(), message: message.to_owned(), state: said.code().clone() }
    }
}

/// A row that is not what this program writes.
pub(super) fn corrupt(what: impl Into<String>) -> StoreError {
    StoreError::Corrupt(what.into())
}

/// The server did not answer the attempt to connect.
pub(super) fn connect_timeout() -> StoreError {
    StoreError::Unavailable(io::Error::from(io::ErrorKind::TimedOut).into())
}

type Source = Box<dyn Error + Send + Sync>;

fn classify_state(state: &SqlState) -> fn(Source) -> StoreError {
    match state.code() {
        "57014" | "55P03" => |_| StoreError::Timeout,
        "25006" | "53100" => StoreError::ReadOnly,
        // Shutting down, starting up, out of connections, refusing this user, without this database.
        "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "3D000" => StoreError::Unavailable,
        "XX001" | "XX002" => |source| StoreError::Corrupt(source.to_string()),
        code if code.starts_with("08") || code.starts_with("28") => StoreError::Unavailable,
        _ => StoreError::Rejected,
    }
}

fn describe(error: &tokio_postgres::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
