//! From an error of the store to one of the command line.

use std::error::Error;

use taskward_store::StoreError;

use super::CliError;
use crate::exit::Exit;

impl CliError {
    /// What a failed call of the database at `target`, which names no secret, means.
    pub(crate) fn from_store(error: &StoreError, target: &str) -> Self {
        if let StoreError::HalfSwapped(half) = error {
            return Self::from_half_swapped(half);
        }
        let message = format!("{target}: {error}");
        let described = match error {
            StoreError::Unavailable(_) => Self::new(Exit::Unreachable, "database_unavailable", message)
                .next("taskward config show --origin"),
            StoreError::Timeout => Self::new(Exit::Unreachable, "database_timeout", message),
            StoreError::ReadOnly(_) => Self::new(Exit::Refused, "database_read_only", message),
            StoreError::SchemaTooNew { known, .. } => Self::new(Exit::Refused, "schema_too_new", message)
                .why("a newer release of Taskward has migrated this database to what this one cannot work on")
                .next(format!("taskward migrate plan --to {known}")),
            StoreError::SchemaTooOld { .. } => {
                Self::new(Exit::Refused, "schema_too_old", message).next("taskward migrate up")
            }
            StoreError::MigrationChanged { .. } => Self::new(Exit::Refused, "migration_changed", message)
                .why("another build of Taskward has migrated this database, or its record was edited")
                .next("taskward version"),
            StoreError::UnfinishedMove { .. } => Self::new(Exit::Refused, "unfinished_move", message)
                .why("taskward db move goes on with it when it is called again"),
            StoreError::UnknownMigration(_) => {
                Self::usage("unknown_migration", message).next("taskward migrate status")
            }
            StoreError::InvalidUrl(_) => {
                Self::usage("invalid_database_url", message).next("taskward config explain database.url")
            }
            StoreError::Corrupt(_) => Self::new(Exit::Failed, "database_corrupt", message),
            _ => Self::new(Exit::Failed, "database", message),
        };
        match error.source() {
            Some(source) => described.why(chain(source)),
            None => described,
        }
    }
}

/// An error and its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
