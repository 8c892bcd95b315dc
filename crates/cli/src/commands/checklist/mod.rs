//! `taskward checklist run NAME`.

mod run;

use clap::Subcommand;

use super::Ended;
use crate::context::Context;

/// What to do with a checklist.
#[derive(Debug, Subcommand)]
pub(crate) enum ChecklistCommand {
    /// Go through a list of checks: each is answered by what was seen.
    #[command(after_help = RUN)]
    Run(run::RunArgs),
}

const RUN: &str =
    "Exit codes: 0 every check passes, 3 one fails, 4 one could not be determined, which is no pass.";

/// Runs a verb.
pub(crate) async fn run(command: ChecklistCommand, context: &Context) -> Ended {
    match command {
        ChecklistCommand::Run(args) => run::run(&args, context).await,
    }
}
