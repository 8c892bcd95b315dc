//! `taskward queue list|get|pause|resume`.

mod operate;
mod show;

use clap::{Args, Subcommand};

use super::Ended;
use crate::context::Context;
use crate::input;

/// What to do with queues.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List all queues.
    List,
    /// Print one queue.
    Get(GetArgs),
    /// Stop a queue from giving out tasks, until it is resumed, also over restarts.
    Pause(OperateArgs),
    /// Let a queue give out tasks again.
    Resume(OperateArgs),
}

/// Which queue.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The queue.
    #[arg(value_parser = input::name_100)]
    queue: String,
}

/// Which queue, and whether in earnest.
#[derive(Debug, Args)]
pub(crate) struct OperateArgs {
    /// The queue.
    #[arg(value_parser = input::name_100)]
    queue: String,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Runs a verb.
pub(crate) async fn run(command: QueueCommand, context: &Context) -> Ended {
    match command {
        QueueCommand::List => show::list(context).await,
        QueueCommand::Get(args) => show::get(&args.queue, context).await,
        QueueCommand::Pause(args) => operate::run(&args, true, context).await,
        QueueCommand::Resume(args) => operate::run(&args, false, context).await,
    }
}
