//! `taskward restore run|report`.

mod report;
mod run;

use clap::Subcommand;

use super::Ended;
use crate::context::Context;

/// What to do with a backup of the database.
#[derive(Debug, Subcommand)]
pub(crate) enum RestoreCommand {
    /// Restore a backup: beside the live data, proven there, then swapped. The data from before is kept.
    #[command(after_help = run::EXITS)]
    Run(run::RunArgs),
    /// Print which tasks' effects may happen again after the latest restore.
    #[command(after_help = report::EXITS)]
    Report,
}

/// Runs a verb.
pub(crate) async fn run(command: RestoreCommand, context: &Context) -> Ended {
    match command {
        RestoreCommand::Run(args) => run::run(&args, context).await,
        RestoreCommand::Report => report::run(context),
    }
}
