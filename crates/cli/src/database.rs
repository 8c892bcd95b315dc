//! The database that the configuration names, for commands that go past the service.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use taskward_config::{Config, DatabaseTarget};
use taskward_store::HalfSwapped;

use crate::error::CliError;
use crate::exit::Exit;

/// What the database is called: its URL without the password.
pub(crate) fn describe(config: &Config) -> String {
    taskward_config::redact::url(config.database.url.expose_secret())
}

/// The file of an SQLite database that is not there. Looking creates nothing.
pub(crate) fn missing_file(config: &Config) -> Option<PathBuf> {
    match config.database.target() {
        DatabaseTarget::Sqlite(path) if !path.exists() => Some(path),
        _ => None,
    }
}

/// Refuses an SQLite file that is not there.
pub(crate) fn must_exist(config: &Config) -> Result<(), CliError> {
    missing_file(config).map_or(Ok(()), |path| Err(no_database(&path)))
}

/// There is no file where the database should be.
pub(crate) fn no_database(path: &Path) -> CliError {
    if let Some(half) = HalfSwapped::find(path) {
        return CliError::from_half_swapped(&half);
    }
    CliError::new(Exit::NotFound, "no_database", format!("there is no database at {}", path.display()))
        .why("the service creates it at its first start, and so does migrate up")
        .next("taskward migrate up")
}
