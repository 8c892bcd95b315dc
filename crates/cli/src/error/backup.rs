//! From an error of backups to one of the command line.

use std::error::Error;
use std::path::Path;

use taskward_ops::backup::{BackupError, FileFault, FileProblem, LOG, Points};

use super::CliError;
use crate::exit::Exit;
use crate::secret::quoted;

impl CliError {
    /// What a backup, a restore or a drill that was not done means.
    pub(crate) fn from_backup(error: &BackupError) -> Self {
        let message = error.to_string();
        match error {
            BackupError::Destination { why, .. } => Self::new(Exit::Refused, "backup_destination", message)
                .why(why)
                .next("taskward config explain backup.dir"),
            BackupError::Locked(_) => Self::new(Exit::Conflict, "backup_locked", message)
                .why("a backup is being made, or old ones are being removed")
                .next("taskward backup list"),
            BackupError::NotFound { .. } => {
                Self::new(Exit::NotFound, "no_backup", message).next("taskward backup list")
            }
            BackupError::NoLog(_)
            | BackupError::NoStream(_)
            | BackupError::NotLog { .. }
            | BackupError::LogMissing(_)
            | BackupError::LogDiffers { .. } => no_such_log(error, message),
            BackupError::OutsideWindow { points, .. } => Self::new(Exit::Refused, "outside_window", message)
                .why(windows(points))
                .next("taskward restore list-points")
                .detail("points", points),
            BackupError::Future { .. } => {
                Self::usage("time_in_future", message).next("taskward restore list-points")
            }
            BackupError::Damaged { id, problems } => damaged(id, problems, message),
            BackupError::HalfSwapped(half) => Self::from_half_swapped(half),
            BackupError::NoDatabase(path) => {
                Self::new(Exit::NotFound, "no_database", message).next(format!("ls -l {}", quoted(path)))
            }
            BackupError::Store { database, source } => Self::from_store(source, database),
            BackupError::ProgramMissing { .. }
            | BackupError::NotInstalled { .. }
            | BackupError::NoDump(_)
            | BackupError::ProgramVersion { .. }
            | BackupError::Stanza { .. }
            | BackupError::Replication { .. } => cannot_copy(error, message),
            BackupError::Program { why, .. } => {
                Self::new(Exit::Failed, "backup_failed", message).why(why).state("the live data is as it was")
            }
            BackupError::Differs { .. } => Self::new(Exit::CheckFailed, "rows_differ", message)
                .state("the live data is as it was; the copy was removed")
                .next("taskward backup list"),
            BackupError::Violations { id, violations } => does_not_hold(id, violations, message),
            BackupError::InUse { why, .. } => {
                Self::new(Exit::Conflict, "target_in_use", message).why(why).next("taskward health live")
            }
            BackupError::Target { why, .. } => Self::new(Exit::Refused, "target_refused", message)
                .why(why)
                .next("taskward restore run --help"),
            _ => {
                let failed =
                    Self::new(Exit::Failed, "backup_failed", message).state("the live data is as it was");
                match error.source() {
                    Some(source) => failed.why(source),
                    None => failed,
                }
            }
        }
    }
}

/// Files of a backup, or of the log, are not what they were.
fn damaged(id: &str, problems: &[FileProblem], message: String) -> CliError {
    let missing = problems.iter().all(|problem| problem.fault == FileFault::Missing);
    let described = if missing {
        CliError::new(Exit::NotFound, "backup_file_missing", message)
    } else {
        CliError::new(Exit::CheckFailed, "backup_damaged", message)
    };
    let described = described.next("taskward backup list").detail("problems", problems);
    if id == LOG {
        described.why("only a moment needs the log: taskward restore run restores a backup as it is")
    } else {
        described
    }
}

/// What was restored contradicts itself. The database may have been like that when it was copied.
fn does_not_hold(backup: &str, violations: &[String], message: String) -> CliError {
    CliError::new(Exit::CheckFailed, "restored_violations", message)
        .why("the database may have been like that when it was copied; --accept-violations restores it as it is")
        .state("the live data is as it was; the copy was removed")
        .next("taskward db check")
        .detail("backup", backup)
        .detail("violations", violations)
}

/// The log, or a file of it, is not what it would have to be.
fn no_such_log(error: &BackupError, message: String) -> CliError {
    match error {
        BackupError::NoLog(why) => CliError::new(Exit::NotFound, "no_log", message)
            .why(why)
            .next("taskward config explain backup.wal"),
        BackupError::NoStream(_) => CliError::new(Exit::Refused, "no_stream", message)
            .why("SQLite's log is archived by the service that writes it, where backup.wal is stream")
            .next("taskward config explain backup.wal"),
        BackupError::NotLog { why, .. } => {
            CliError::usage("not_log", message).why(why).next("taskward backup schedule")
        }
        BackupError::LogMissing(_) => {
            CliError::new(Exit::NotFound, "log_missing", message).next("taskward restore list-points")
        }
        BackupError::LogDiffers { path, why } => CliError::new(Exit::Refused, "log_differs", message)
            .why(why)
            .state("nothing was overwritten")
            .next(format!("ls -l {}", quoted(path))),
        _ => CliError::new(Exit::NotFound, "no_log", message).next("taskward config explain backup.wal"),
    }
}

/// The programs and the server have to allow a copy; each refusal says what helps.
fn cannot_copy(error: &BackupError, message: String) -> CliError {
    match error {
        BackupError::ProgramMissing { package, .. } => {
            CliError::new(Exit::Refused, "program_missing", message)
                .next(format!("apt-get install {package}"))
        }
        BackupError::NotInstalled { package, .. } => CliError::new(Exit::Refused, "program_missing", message)
            .next(format!("apt-get install {package}")),
        BackupError::NoDump(_) => CliError::new(Exit::Refused, "no_dump", message)
            .why("only PostgreSQL is dumped; SQLite is copied as it is")
            .next("taskward backup create"),
        BackupError::ProgramVersion { needed, .. } => {
            CliError::new(Exit::Refused, "program_version", message)
                .next(format!("apt-get install postgresql-client-{needed}"))
        }
        BackupError::Stanza { stanza, why } => {
            let stanza = quoted(Path::new(stanza));
            CliError::new(Exit::Refused, "pgbackrest_stanza", message)
                .why(why)
                .next(format!("sudo -u postgres pgbackrest --stanza={stanza} stanza-create"))
        }
        BackupError::Replication { why, fix, .. } => {
            CliError::new(Exit::Refused, "replication_refused", message).why(why).next(fix)
        }
        _ => CliError::new(Exit::Refused, "backup_failed", message),
    }
}

/// The windows in a line.
fn windows(points: &Points) -> String {
    let shown: Vec<_> =
        points.windows.iter().map(|window| format!("{:.3} to {:.3}", window.from, window.to)).collect();
    format!("a restore can go to any moment from {}", shown.join(", or from "))
}
