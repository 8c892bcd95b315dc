//! `taskward restore pitr`.

use clap::Args;
use jiff::Timestamp;
use taskward_ops::backup::Goal;

use super::perform::{How, perform};
use crate::commands::Ended;
use crate::context::Context;
use crate::input;

pub(super) const EXITS: &str = "Exit codes: 0 restored, 1 failed (the target is as it was), 2 not a moment, or without a \
zone, or in the future, 3 the backup or the log is damaged, 5 outside the windows (they are printed), or it cannot go \
there, 6 there is no backup or no log, or one of the files is missing, 7 the target is in use, 9 not confirmed.";

/// Which moment, and where to.
#[derive(Debug, Args)]
pub(crate) struct PitrArgs {
    /// The moment, with its zone: 2026-12-31T23:59:00Z, 2026-12-31T23:59:00.25+01:00. Everything committed by then is
    /// there afterwards, and nothing that was committed later.
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    to: Timestamp,
    #[command(flatten)]
    how: How,
}

/// Restores to a moment.
pub(super) async fn run(args: PitrArgs, context: &Context) -> Ended {
    perform(Goal::Moment(args.to), args.how, context).await
}
