//! `backup`: copies of the database, and what they are worth.

use std::path::PathBuf;
use std::time::Duration;

use super::{ms, section};
use crate::schema::Kind;

section! {
    /// Copies of the database, and what they are worth.
    Backup = "backup" {
        /// The directory of backups; better on another machine's disk. Never below the database's own directory.
        dir: PathBuf = Kind::Path, default: "backups";
        /// How old the last good backup may become before the service makes another one by itself, and prunes.
        schedule: Option<Duration> = Kind::Duration { ms_min: ms::SECOND, ms_max: 30 * ms::DAY },
            unset: "the service makes none; something else runs `taskward backup create`";
        /// Backups that are kept, one for each of the latest days that have one.
        keep_daily: usize = Kind::Integer { min: 0, max: 10_000 }, default: "7";
        /// The same for weeks.
        keep_weekly: usize = Kind::Integer { min: 0, max: 10_000 }, default: "4";
        /// The same for months.
        keep_monthly: usize = Kind::Integer { min: 0, max: 10_000 }, default: "6";
        /// How much time's work may be lost: how old the last good backup may be.
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
