//! `taskward task get|list|cancel|retry`.

mod get;
mod list;
mod operate;
pub(crate) mod show;

use clap::Subcommand;

pub(crate) use get::{not_finished, wait_until_finished};

use super::Ended;
use crate::context::Context;

/// What to do with tasks.
#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// Print a task.
    Get(get::GetArgs),
    /// List tasks, newest first.
    List(list::ListArgs),
    /// Withdraw tasks; a running one is asked to stop.
    Cancel(operate::OperateArgs),
    /// Bring dead tasks back.
    Retry(operate::OperateArgs),
}

/// Runs a verb.
pub(crate) async fn run(command: TaskCommand, context: &Context) -> Ended {
    match command {
        TaskCommand::Get(args) => get::run(&args, context).await,
        TaskCommand::List(args) => list::run(args, context).await,
        TaskCommand::Cancel(args) => operate::run(&args, operate::Verb::Cancel, context).await,
        TaskCommand::Retry(args) => operate::run(&args, operate::Verb::Retry, context).await,
    }
}
