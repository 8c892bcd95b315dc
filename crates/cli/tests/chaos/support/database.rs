//! A fresh database for one test.

use std::path::PathBuf;

use taskward_testkit::postgres::TempPostgres;
use tempfile::TempDir;

/// An empty database that goes away with this value.
pub(crate) enum Database {
    /// A file in a directory of its own.
    Sqlite(TempDir),
    /// A durable server of its own (`fsync` is on), and the URL of a database in it.
    Postgres(TempPostgres, String),
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(TempDir::with_prefix("taskward-chaos-").expect("a temporary directory"))
    }

    pub(crate) fn postgres() -> Self {
        let server = TempPostgres::start();
        let url = server.create_database();
        Self::Postgres(server, url)
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(..) => "postgres",
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(dir) => format!("sqlite:{}", sqlite_file(dir).display()),
            Self::Postgres(_, url) => url.clone(),
        }
    }

    /// Pretends that a later release has migrated the database.
    pub(crate) fn apply_unknown_migration(&self) {
        match self {
            Self::Sqlite(dir) => {
                let connection = rusqlite::Connection::open(sqlite_file(dir)).expect("open the file");
                let sql = "INSERT INTO schema_migrations (version, name, checksum, applied_at)
                           VALUES (9999, 'from_the_future', zeroblob(32), 0)";
                connection.execute(sql, []).expect("add a migration");
            }
            Self::Postgres(server, url) => {
                let database = url.rsplit('/').next().expect("a URL ends in the database");
                let sql = "INSERT INTO schema_migrations (version, name, checksum)
                           VALUES (9999, 'from_the_future', sha256('x'))";
                server.execute(database, sql);
            }
        }
    }
}

fn sqlite_file(dir: &TempDir) -> PathBuf {
    dir.path().join("taskward.db")
}
