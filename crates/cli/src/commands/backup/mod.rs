//! `taskward backup create|list|show|verify|prune|check|schedule|stream|archive-wal|fetch-wal`.

mod archive_wal;
mod check;
mod create;
mod fetch_wal;
mod list;
mod options;
mod prune;
mod schedule;
mod show;
mod stream;
mod verify;

use clap::Subcommand;

use super::Ended;
use crate::context::Context;

pub(crate) use crate::output::size;
use options::log_dir;
pub(crate) use options::{WhichArgs, id, interruptible, listener, settings};

/// What to do with backups of the configured database.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Make a backup, while the service goes on.
    #[command(after_help = create::EXITS)]
    Create(create::CreateArgs),
    /// Print the backups there are.
    List,
    /// Print what a backup says of itself.
    Show(show::ShowArgs),
    /// Read a backup and the log after it, and say whether all is what it was.
    #[command(after_help = verify::EXITS)]
    Verify(WhichArgs),
    /// Remove backups that are not to be kept any longer, and what interrupted ones have left.
    ///
    /// The latest backup of each of the latest days, weeks and months is kept; how many is in the configuration:
    /// backup.keep_daily, backup.keep_weekly, backup.keep_monthly. The last good one is never removed.
    Prune(prune::PruneArgs),
    /// Say whether there is a backup to rely on.
    #[command(after_help = check::EXITS)]
    Check,
    /// Print what makes a backup every day: a systemd timer, and a line for cron.
    Schedule(schedule::ScheduleArgs),
    /// Receive PostgreSQL's log into backup.dir as it is written.
    ///
    /// The service does the same by itself while it runs, with backup.wal: stream.
    #[command(after_help = stream::EXITS)]
    Stream,
    /// Put a file of PostgreSQL's log into backup.dir: its archive_command.
    ///
    /// Needs no service and no database. Never overwrites another file.
    #[command(after_help = archive_wal::EXITS)]
    ArchiveWal(archive_wal::ArchiveWalArgs),
    /// Get a file of PostgreSQL's log out of backup.dir: its restore_command.
    #[command(after_help = fetch_wal::EXITS)]
    FetchWal(fetch_wal::FetchWalArgs),
}

/// Runs a verb.
pub(crate) async fn run(command: BackupCommand, context: &Context) -> Ended {
    match command {
        BackupCommand::Create(args) => create::run(args, context).await,
        BackupCommand::List => list::run(context),
        BackupCommand::Show(args) => show::run(&args, context),
        BackupCommand::Verify(args) => verify::run(&args, context).await,
        BackupCommand::Prune(args) => prune::run(&args, context).await,
        BackupCommand::Check => check::run(context).await,
        BackupCommand::Schedule(args) => schedule::run(&args, context),
        BackupCommand::Stream => stream::run(context).await,
        BackupCommand::ArchiveWal(args) => archive_wal::run(&args, context),
        BackupCommand::FetchWal(args) => fetch_wal::run(&args, context),
    }
}
