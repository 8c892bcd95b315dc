//! `taskward restore run|pitr|list-points|report`.

mod list_points;
mod perform;
mod pitr;
mod report;
mod run;

use clap::Subcommand;

use super::Ended;
use crate::context::Context;

/// What to do with a backup of the database.
#[derive(Debug, Subcommand)]
pub(crate) enum RestoreCommand {
    /// Restore a backup: beside the live data, proven there, then swapped. The old data is kept.
    #[command(after_help = run::EXITS)]
    Run(run::RunArgs),
    /// Bring the database back to a moment, from a backup and the log after it.
    #[command(after_help = pitr::EXITS)]
    Pitr(pitr::PitrArgs),
    /// Print which moments can be restored to, and the gaps between.
    #[command(after_help = list_points::EXITS)]
    ListPoints,
    /// Print which tasks' effects may happen again after the latest restore.
    #[command(after_help = report::EXITS)]
    Report,
}

/// Runs a verb.
pub(crate) async fn run(command: RestoreCommand, context: &Context) -> Ended {
    match command {
        RestoreCommand::Run(args) => run::run(args, context).await,
        RestoreCommand::Pitr(args) => pitr::run(args, context).await,
        RestoreCommand::ListPoints => list_points::run(context),
        RestoreCommand::Report => report::run(context),
    }
}
