//! `taskward drill restore|history`.

mod history;
mod restore;

use clap::Subcommand;

use super::Ended;
use crate::context::Context;

/// What to try.
#[derive(Debug, Subcommand)]
pub(crate) enum DrillCommand {
    /// Restore a backup to a place that is thrown away, and measure that against backup.rto and backup.rpo.
    #[command(after_help = restore::EXITS)]
    Restore(restore::RestoreArgs),
    /// Print how drills went.
    History,
}

/// Runs a verb.
pub(crate) async fn run(command: DrillCommand, context: &Context) -> Ended {
    match command {
        DrillCommand::Restore(args) => restore::run(&args, context).await,
        DrillCommand::History => history::run(context),
    }
}
