//! What backups have to know of the configuration.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use taskward_config::{BackupEngine, Config, DatabaseTarget, WalMode, redact};

use super::Keep;

/// Where the database is, where its backups are, and what they are worth.
#[derive(Debug, Clone)]
pub struct BackupSettings {
    /// The database.
    pub database: DatabaseTarget,
    /// What the database is called where people read it; holds no secret.
    pub database_name: String,
    /// The directory of backups.
    pub dir: PathBuf,
    /// How the database's log gets into the directory.
    pub wal: WalMode,
    /// PostgreSQL's replication slot that holds the log back until it is received.
    pub wal_slot: String,
    /// How much log PostgreSQL may hold back for the archive, in bytes.
    pub wal_held_max: u64,
    /// How fast a copy may be written at most, in bytes a second.
    pub max_rate: Option<u64>,
    /// Which backups are kept.
    pub keep: Keep,
    /// How old the last good backup may be.
    pub rpo: Duration,
    /// How long a restore may take.
    pub rto: Duration,
    /// How long ago the last drill that passed may be.
    pub drill_age_max: Duration,
    /// Where drills restore to.
    pub scratch_dir: PathBuf,
    /// pgBackRest's stanza, where that is the engine.
    pub stanza: Option<String>,
    /// The directory of PostgreSQL's programs, if it is not to be looked for.
    pub pg_bin: Option<PathBuf>,
}

impl From<&Config> for BackupSettings {
    fn from(config: &Config) -> Self {
        let section = &config.backup;
        let (daily, weekly, monthly) = (section.keep_daily, section.keep_weekly, section.keep_monthly);
        Self {
            database: config.database.target(),
            database_name: redact::url(config.database.url.expose_secret()),
            dir: section.dir.clone(),
            wal: section.wal,
            wal_slot: section.wal_slot.clone(),
            wal_held_max: config.alerts.wal_held_back as u64,
            max_rate: section.max_rate.map(|rate| rate as u64),
            keep: Keep { daily, weekly, monthly },
            rpo: section.rpo,
            rto: section.rto,
            drill_age_max: config.alerts.drill_too_old,
            scratch_dir: section.scratch_dir.clone().unwrap_or_else(std::env::temp_dir),
            stanza: section.pgbackrest_stanza.clone().filter(|_| section.engine == BackupEngine::PgBackRest),
            pg_bin: section.pg_bin.clone(),
        }
    }
}

impl BackupSettings {
    /// Whether there is a program that dumps the one database: SQLite's is copied as it is.
    pub fn can_be_dumped(&self) -> bool {
        matches!(self.database, DatabaseTarget::Postgres(_))
    }
}

/// How far something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// What is being done now.
    Stage(&'static str),
    /// How much of it is done.
    Bytes {
        /// So much.
        done: u64,
        /// Of so much.
        total: u64,
    },
}

/// Is told of progress, from any thread.
pub type Listener = Arc<dyn Fn(Progress) + Send + Sync>;
