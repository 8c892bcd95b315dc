//! How a backup is made: by a file for each way.

pub(super) mod archive;
mod base;
mod dump;
mod repository;
mod sqlite;

use std::fs;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use taskward_config::DatabaseTarget;
use taskward_store::postgres::{self as store, Facts};
use taskward_store::{Examined, HalfSwapped};
use tokio::task::JoinHandle;

use super::postgres::Connection;
use super::wal::LogStart;
use super::{
    BackupError, BackupSettings, FileEntry, InRepository, Listener, Position, Progress, Rows, files,
    pgbackrest,
};

pub(super) use dump::DUMP;
pub(super) use sqlite::DATABASE;

/// How a backup was made, and so how it is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// A copy of the file, of one moment.
    Sqlite,
    /// A copy of the whole PostgreSQL cluster, by `pg_basebackup`.
    PostgresBase,
    /// A dump of the one database, by `pg_dump`.
    PostgresDump,
    /// A copy of the whole PostgreSQL cluster in the repository of pgBackRest.
    #[serde(rename = "pgbackrest")]
    PgBackRest,
}

impl Engine {
    /// Its name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::PostgresBase => "postgres_base",
            Self::PostgresDump => "postgres_dump",
            Self::PgBackRest => "pgbackrest",
        }
    }

    /// Whether a restore compares a file of such a backup with the manifest while it copies or unpacks it.
    pub(super) fn hashes_when_restored(self, file: &str) -> bool {
        match self {
            Self::Sqlite => file == DATABASE,
            Self::PostgresBase => {
                [archive::BASE, archive::WAL].iter().any(|name| archive::is_named(file, name))
            }
            Self::PostgresDump | Self::PgBackRest => false,
        }
    }
}

/// What is to be copied, looked at.
pub(super) enum Source {
    Sqlite { path: PathBuf, bytes: u64 },
    Postgres { connection: Connection, facts: Box<Facts>, engine: Engine },
}

/// What is known when the files of a copy are written.
#[derive(Default)]
pub(super) struct Copied {
    /// What the original held before, or at the moment that was copied. `None` where only the copy can tell.
    examined: Option<Examined>,
    /// Which transactions that includes; `None` where there may have been others meanwhile all the same.
    seen: Option<String>,
    position: Option<Position>,
    /// The backup that pgBackRest keeps.
    in_repository: Option<InRepository>,
    log: Option<LogStart>,
    /// The file that was flushed and hashed while it was written.
    pub(super) hashed: Option<FileEntry>,
}

/// What a copy turned out to be.
pub(super) struct Counted {
    pub(super) rows: Rows,
    pub(super) schema: u32,
    pub(super) position: Option<Position>,
    pub(super) in_repository: Option<InRepository>,
    pub(super) log: Option<LogStart>,
}

impl Source {
    /// Looks at the database, and whether it can be copied this way.
    pub(super) async fn find(settings: &BackupSettings, dump: bool) -> Result<Self, BackupError> {
        if dump && !settings.can_be_dumped() {
            return Err(BackupError::NoDump(settings.database_name.clone()));
        }
        match &settings.database {
            DatabaseTarget::Sqlite(path) => {
                if let Some(half) = HalfSwapped::find(path) {
                    return Err(BackupError::HalfSwapped(half));
                }
                let file = fs::metadata(path).ok().filter(fs::Metadata::is_file);
                let file = file.ok_or_else(|| BackupError::NoDatabase(path.clone()))?;
                let log = fs::metadata(format!("{}-wal", path.display())).map_or(0, |log| log.len());
                Ok(Self::Sqlite { path: path.clone(), bytes: file.len() + log })
            }
            DatabaseTarget::Postgres(url) => {
                let failed = BackupError::store(&settings.database_name);
                let facts = store::facts(url.expose_secret()).await.map_err(failed)?;
                let connection = Connection::new(url);
                let engine = match (dump, &settings.stanza) {
                    (true, _) => Engine::PostgresDump,
                    (false, Some(_)) => Engine::PgBackRest,
                    (false, None) => Engine::PostgresBase,
                };
                match (engine, &settings.stanza) {
                    (Engine::PgBackRest, Some(stanza)) => drop(pgbackrest::check(stanza).await?),
                    (Engine::PostgresDump, _) => dump::check(settings, &facts).await?,
                    _ => base::check(settings, &facts).await?,
                }
                Ok(Self::Postgres { connection, facts: Box::new(facts), engine })
            }
        }
    }

    pub(super) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres { engine, .. } => *engine,
        }
    }

    pub(super) fn facts(&self) -> Option<&Facts> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Postgres { facts, .. } => Some(facts),
        }
    }

    /// How large the original is.
    pub(super) fn data_bytes(&self) -> u64 {
        match self {
            Self::Sqlite { bytes, .. } => *bytes,
            Self::Postgres { facts, engine: Engine::PostgresDump, .. } => facts.database_bytes,
            Self::Postgres { facts, .. } => facts.cluster_bytes,
        }
    }

    /// The directory that the original is in, where it may be on this machine.
    pub(super) fn data_directory(&self) -> Option<PathBuf> {
        match self {
            Self::Sqlite { path, .. } => match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => Some(parent.to_owned()),
                _ => Some(PathBuf::from(".")),
            },
            Self::Postgres { facts, .. } => facts.data_directory.clone().filter(|dir| dir.exists()),
        }
    }

    /// Copies it into the directory of a backup. What is written there is not written again.
    pub(super) async fn copy(
        &self,
        settings: &BackupSettings,
        id: &str,
        dir: &Path,
        listener: &Listener,
    ) -> Result<Copied, BackupError> {
        listener(Progress::Stage("copying"));
        match self {
            Self::Sqlite { path, .. } => sqlite::copy(settings, path, dir, listener).await,
            Self::Postgres { connection, facts, engine: Engine::PostgresDump } => {
                dump::copy(settings, connection, facts, dir, listener).await
            }
            Self::Postgres { connection, engine: Engine::PgBackRest, .. } => {
                repository::copy(settings, connection, dir, listener).await
            }
            Self::Postgres { connection, facts, .. } => {
                base::copy(settings, connection, facts, (id, dir), listener).await
            }
        }
    }

    /// Counts what a copy holds, or may hold: beside whatever else is done with its files.
    pub(super) async fn count(
        &self,
        settings: &BackupSettings,
        id: &str,
        dir: &Path,
        copied: Copied,
    ) -> Result<Counted, BackupError> {
        let Copied { examined, seen, position, in_repository, log, .. } = copied;
        let counted = |rows, schema| Counted { rows, schema, position, in_repository, log };
        match (self, examined) {
            (Self::Postgres { engine: Engine::PostgresDump, .. }, Some(examined)) => {
                Ok(counted(Rows::exactly(examined.census), examined.schema))
            }
            (Self::Postgres { connection, .. }, Some(first)) => {
                let failed = BackupError::store(&settings.database_name);
                let after = store::snapshot(connection.url()).await.map_err(&failed)?;
                // Where nothing was committed meanwhile, what was counted before is what there is.
                let last = if seen.as_ref() == Some(&after.seen) {
                    first.clone()
                } else {
                    after.examine().await.map_err(failed)?
                };
                Ok(counted(Rows { first: first.census, last: last.census }, last.schema))
            }
            _ => {
                let found = sqlite::examine(settings, id, dir).await?;
                Ok(counted(Rows::exactly(found.census), found.schema))
            }
        }
    }
}

/// What a thread that blocks has answered; a panic goes on here.
pub(super) async fn join<T>(handle: JoinHandle<Result<T, BackupError>>) -> Result<T, BackupError> {
    match handle.await {
        Ok(done) => done,
        Err(error) => Err(BackupError::Io {
            what: "the work was broken off".to_owned(),
            source: std::io::Error::other(error),
        }),
    }
}

/// The files in the directory of a backup, flushed and hashed. Of one that was hashed already only the end is flushed.
pub(super) fn entries(
    dir: &Path,
    hashed: Option<FileEntry>,
    listener: &Listener,
) -> Result<Vec<FileEntry>, BackupError> {
    let read = fs::read_dir(dir).map_err(BackupError::io("cannot read", dir))?;
    let mut names: Vec<String> =
        read.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    let (total, mut done) = (files::size(dir), 0);
    let entry = |name: String| -> Result<FileEntry, BackupError> {
        let path = dir.join(&name);
        let mut seen = |bytes| {
            done += bytes;
            listener(Progress::Bytes { done, total });
        };
        if let Some(known) = hashed.as_ref().filter(|known| known.name == name) {
            files::sync(&path).map_err(BackupError::io("cannot flush", &path))?;
            seen(known.bytes);
            return Ok(known.clone());
        }
        let hashed = files::sync_and_hash(&path, &mut seen);
        let (bytes, sha256) = hashed.map_err(BackupError::io("cannot read", &path))?;
        Ok(FileEntry { name, bytes, sha256 })
    };
    names.into_iter().map(entry).collect()
}
