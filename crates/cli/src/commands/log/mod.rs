//! `taskward log tail|show|errors|prune|level`.

mod errors;
mod level;
mod options;
mod prune;
mod show;
mod tail;

use clap::Subcommand;

use super::Ended;
use crate::context::Context;

/// What to do with the log.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Print the latest entries, and with --follow those that come.
    #[command(after_help = READING)]
    Tail(tail::TailArgs),
    /// Print the entries of a range of time.
    #[command(after_help = READING)]
    Show(show::ShowArgs),
    /// Count the errors of a range of time: entries at ERROR, and warnings that carry an error.
    #[command(after_help = READING)]
    Errors(errors::ErrorsArgs),
    /// Remove rotated files that are too many or too old, to make room. The file that is written stays.
    #[command(after_help = PRUNING)]
    Prune(prune::PruneArgs),
    /// Show or change what the running service logs.
    #[command(subcommand)]
    Level(level::LevelCommand),
}

const READING: &str = "Rotated and compressed files are read as well.\n\n\
Exit codes: 0 read, 4 no data, or a file could not be read, 6 there is no log file.";

const PRUNING: &str = "Exit codes: 0 done, or nothing to do, 1 a file could not be removed, 4 the log's directory cannot \
be read, 6 there is no log file, 9 not confirmed.";

/// Runs a verb.
pub(crate) async fn run(command: LogCommand, context: &Context) -> Ended {
    match command {
        LogCommand::Tail(args) => tail::run(&args, context).await,
        LogCommand::Show(args) => show::run(&args, context),
        LogCommand::Errors(args) => errors::run(&args, context),
        LogCommand::Prune(args) => prune::run(&args, context),
        LogCommand::Level(command) => level::run(command, context).await,
    }
}
