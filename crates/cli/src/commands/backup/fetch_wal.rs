//! `taskward backup fetch-wal`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use taskward_ops::backup;

use super::{log_dir, size};
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

pub(super) const EXITS: &str = "Exit codes: 0 fetched, 1 it could not be written, 2 it is no name of a file of \
PostgreSQL's log, 3 it is damaged, 6 the archive does not have it.";

/// What to fetch, and where to.
#[derive(Debug, Args)]
pub(crate) struct FetchWalArgs {
    /// The file's name, as PostgreSQL's restore_command says it with %f.
    #[arg(value_name = "NAME")]
    name: String,
    /// Where to, as it says with %p.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// The directory of backups; with it, no configuration is read [default: backup.dir].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Fetches a file.
pub(super) fn run(args: &FetchWalArgs, context: &Context) -> Ended {
    let dir = log_dir(args.dir.as_ref(), context)?;
    let fetched = backup::fetch_wal(&dir, &args.name, &args.path);
    let bytes = fetched.map_err(|error| CliError::from_backup(&error))?;
    let document = json!({"name": args.name, "path": args.path, "bytes": bytes});
    context.output.result(&document, || {
        format!("{}: fetched to {}, {}", args.name, args.path.display(), size(bytes))
    })?;
    Ok(Exit::Ok)
}
