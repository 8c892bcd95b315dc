//! What SQLite's errors mean to a caller of the store.

use std::error::Error;
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::StoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        classify(&error)(error.into())
    }
}

/// One error for several callers: of a transaction that failed as a whole.
pub(super) fn shared(error: &Arc<rusqlite::Error>) -> StoreError {
    classify(error)(Box::new(Arc::clone(error)))
}

/// What a transaction fails with when SQLite rolled it back because one of its calls failed.
pub(super) fn of_another(error: &StoreError) -> rusqlite::Error {
    let code = match error {
        StoreError::ReadOnly(_) => ErrorCode::DiskFull,
        _ => ErrorCode::SystemIoFailure,
    };
    let message = format!("another call of the same transaction failed: {error}");
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error { code, extended_code: 0 }, Some(message))
}

/// The writer or the readers are gone, which only happens when the store is being closed.
pub(super) fn closed() -> StoreError {
    StoreError::Unavailable("the SQLite store has been closed".into())
}

type Source = Box<dyn Error + Send + Sync>;

fn classify(error: &rusqlite::Error) -> fn(Source) -> StoreError {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => classify_code(failure.code),
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => corrupt,
        _ => StoreError::Rejected,
    }
}

fn classify_code(code: ErrorCode) -> fn(Source) -> StoreError {
    match code {
        ErrorCode::ReadOnly | ErrorCode::DiskFull | ErrorCode::PermissionDenied => StoreError::ReadOnly,
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::CannotOpen
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::SystemIoFailure => StoreError::Unavailable,
        ErrorCode::OperationInterrupted => |_| StoreError::Timeout,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => corrupt,
        _ => StoreError::Rejected,
    }
}

fn corrupt(source: Source) -> StoreError {
    StoreError::Corrupt(source.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: ErrorCode) -> StoreError {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error { code, extended_code: 0 }, None).into()
    }

    #[test]
    fn codes_say_whether_trying_again_helps() {
        for code in [ErrorCode::DiskFull, ErrorCode::ReadOnly] {
            assert!(matches!(failure(code), StoreError::ReadOnly(_)), "{code:?}");
        }
        for code in [ErrorCode::DatabaseBusy, ErrorCode::CannotOpen, ErrorCode::SystemIoFailure] {
            assert!(matches!(failure(code), StoreError::Unavailable(_)), "{code:?}");
        }
        assert!(matches!(failure(ErrorCode::OperationInterrupted), StoreError::Timeout));
        for code in [ErrorCode::ConstraintViolation, ErrorCode::DatabaseCorrupt] {
            assert!(!failure(code).is_transient(), "{code:?}");
        }
    }
}
