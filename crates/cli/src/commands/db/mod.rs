//! `taskward db check|move`: works on databases, past the service.

mod check;
mod transfer;

use clap::Subcommand;

use super::Ended;
use crate::context::Context;

/// What to do with the database. Unless it is said otherwise, with the one that the configuration (`DATABASE_URL`) names.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Say whether what is stored is what it should be.
    ///
    /// No task in two places, no lease without its task, counters that count, and so on. It reads one snapshot and
    /// changes nothing; a running service is not kept waiting.
    Check(check::CheckArgs),
    /// Move everything from SQLite to PostgreSQL, or back.
    ///
    /// The service must not run meanwhile. The source is only read, and stays as it is. The target has to be empty, or to
    /// hold a part of the same source: a move that was cut off goes on where it was. In the end both are read and
    /// compared, table by table; until then no service starts on the target.
    Move(transfer::MoveArgs),
}

/// Runs a verb.
pub(crate) async fn run(command: DbCommand, context: &Context) -> Ended {
    match command {
        DbCommand::Check(args) => check::run(&args, context).await,
        DbCommand::Move(args) => transfer::run(&args, context).await,
    }
}
