//! `taskward restore run`.

use clap::Args;
use taskward_ops::backup::Goal;

use super::perform::{How, perform};
use crate::commands::Ended;
use crate::commands::backup::WhichArgs;
use crate::context::Context;

pub(super) const EXITS: &str = "Exit codes: 0 restored, 1 failed (the target is as it was), 3 the backup is damaged, \
not what its manifest says, or does not hold together, 5 it cannot go there, 6 the backup, or one of its files, is \
missing, 7 the target is in use, 9 not confirmed.";

/// What to restore, and where to.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    which: WhichArgs,
    #[command(flatten)]
    how: How,
}

/// Restores a backup.
pub(super) async fn run(args: RunArgs, context: &Context) -> Ended {
    perform(Goal::Backup(args.which.which()), args.how, context).await
}
