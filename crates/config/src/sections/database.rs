//! `database`: where the tasks are kept.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{ms, section};
use crate::schema::Kind;

section! {
    /// Where the tasks are kept.
    Database = "database" {
        /// The database: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE`. Of several hosts, `HOST1,HOST2:5433`,
        /// the one that takes writes is used. Staging and prod want it set explicitly.
        url: SecretString = Kind::DatabaseUrl, default: "sqlite:data/taskward.db",
            variable: Some("DATABASE_URL"), secret: Some("database_url");
        /// A standby of PostgreSQL that answers reads while the database is away. What it says may be a moment old.
        replica_url: Option<SecretString> = Kind::DatabaseUrl, secret: Some("database_replica_url");
        /// Connections to the database, or reading threads for SQLite.
        pool_size: usize = Kind::Integer { min: 1, max: 1_000 }, default: "8";
        /// How long to wait for a new connection.
        connect_timeout: Duration = Kind::Duration { ms_min: 100, ms_max: 10 * ms::MINUTE }, default: "5s";
        /// How long one statement may run before it is given up.
        statement_timeout: Duration = Kind::Duration { ms_min: 100, ms_max: ms::HOUR }, default: "5s";
        /// Whether `serve` brings the schema up to date before it starts, where that only adds. What does more is left to
        /// `taskward migrate up`.
        migrate_on_start: bool = Kind::Boolean, default: "true";
    }
}

/// Which of the two databases a URL names.
#[derive(Debug, Clone)]
pub enum DatabaseTarget {
    /// The file of an SQLite database.
    Sqlite(PathBuf),
    /// The URL of a PostgreSQL database.
    Postgres(SecretString),
}

impl Database {
    /// Which of the two databases `url` names.
    #[must_use]
    pub fn target(&self) -> DatabaseTarget {
        match self.url.expose_secret().strip_prefix("sqlite:") {
            Some(path) => DatabaseTarget::Sqlite(PathBuf::from(path)),
            None => DatabaseTarget::Postgres(self.url.clone()),
        }
    }
}
