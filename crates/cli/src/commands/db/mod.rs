//! `taskward db check`: works on the configured database, with the service or without it.

mod check;

use clap::Subcommand;

use super::Ended;
use crate::context::Context;

/// What to do with the database that the configuration (`DATABASE_URL`) names.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Say whether what is stored is what it should be: no task in two places, no lease without its task, and so on.
    ///
    /// Reads one snapshot and changes nothing; a running service is not kept waiting.
    Check(check::CheckArgs),
}

/// Runs a verb.
pub(crate) async fn run(command: DbCommand, context: &Context) -> Ended {
    match command {
        DbCommand::Check(args) => check::run(&args, context).await,
    }
}
