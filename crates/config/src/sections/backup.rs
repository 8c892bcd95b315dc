//! `backup`: copies of the database, and what they are worth.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::{ms, section, size};
use crate::schema::Kind;
use crate::value::{FromValue, Value};

section! {
    /// Copies of the database, and what they are worth.
    Backup = "backup" {
        /// The directory of backups; better on another machine's disk. Never below the database's own directory.
        dir: PathBuf = Kind::Path, default: "backups";
        /// How old the last good backup may become before the service makes another one by itself, and prunes.
        schedule: Option<Duration> = Kind::Duration { ms_min: ms::SECOND, ms_max: 30 * ms::DAY },
            unset: "the service makes none; something else runs `taskward backup create`";
        /// Whether the database's log is kept in `backup.dir`, so that a restore can go to any moment: `stream` copies it
        /// continuously while the service runs; `command` is for PostgreSQL whose `archive_command` is ours.
        wal: WalMode = Kind::Choice(&[("off", &[]), ("stream", &[]), ("command", &[])]), default: "off";
        /// What copies: `own` is SQLite's online backup, and PostgreSQL's own programs; `pgbackrest` is an installed
        /// pgBackRest, which then has its own configuration, repository and retention.
        engine: BackupEngine = Kind::Choice(&[("own", &[]), ("pgbackrest", &[])]), default: "own";
        /// pgBackRest's name of the PostgreSQL cluster.
        pgbackrest_stanza: Option<String> = Kind::Label, unset: "none; `engine: pgbackrest` wants one";
        /// PostgreSQL with `wal: stream`: the replication slot, which is made when it is missing, and anew when the server gave it up.
        wal_slot: String = Kind::Slot, default: "taskward";
        /// How fast a copy may be written, a second, for the sake of those who work meanwhile: by SQLite's online backup and
        /// by `pg_basebackup`, there after compression. A dump, and pgBackRest, know no such limit.
        max_rate: Option<usize> = Kind::Bytes { min: size::MIB, max: size::GIB }, unset: "as fast as it goes";
        /// Backups that are kept, one for each of the latest days that have one.
        keep_daily: usize = Kind::Integer { min: 0, max: 10_000 }, default: "7";
        /// The same for weeks.
        keep_weekly: usize = Kind::Integer { min: 0, max: 10_000 }, default: "4";
        /// The same for months.
        keep_monthly: usize = Kind::Integer { min: 0, max: 10_000 }, default: "6";
        /// How much time's work may be lost: how old the last good backup may be, and NoBackup: how old the database without one.
        rpo: Duration = Kind::Duration { ms_min: ms::SECOND, ms_max: 365 * ms::DAY }, default: "25h";
        /// How long it may take until a restored database works.
        rto: Duration = Kind::Duration { ms_min: ms::SECOND, ms_max: 30 * ms::DAY }, default: "1h";
        /// Where drills restore to; what they put there goes when they end.
        scratch_dir: Option<PathBuf> = Kind::Path, unset: "the system's directory for temporary files";
        /// The directory of PostgreSQL's programs, of the server's major version.
        pg_bin: Option<PathBuf> = Kind::Path,
            unset: "/usr/lib/postgresql/VERSION/bin, or wherever the shell finds them";
    }
}

/// What copies the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupEngine {
    /// SQLite's online backup, and PostgreSQL's own programs.
    Own,
    /// An installed pgBackRest.
    PgBackRest,
}

impl FromValue for BackupEngine {
    fn from_value(value: &Value) -> Option<Self> {
        match String::from_value(value)?.as_str() {
            "own" => Some(Self::Own),
            "pgbackrest" => Some(Self::PgBackRest),
            _ => None,
        }
    }
}

/// How the database's log gets into the directory of backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WalMode {
    /// Not at all: a restore goes to the moment of a backup.
    Off,
    /// The service copies it while it runs.
    Stream,
    /// PostgreSQL hands it over, by its `archive_command`.
    Command,
}

impl WalMode {
    /// The name as configuration writes it: `stream`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Stream => "stream",
            Self::Command => "command",
        }
    }
}

impl FromValue for WalMode {
    fn from_value(value: &Value) -> Option<Self> {
        let name = String::from_value(value)?;
        [Self::Off, Self::Stream, Self::Command].into_iter().find(|it| it.name() == name)
    }
}
