//! `taskward backup archive-wal`.

use std::path::PathBuf;

use clap::Args;
use taskward_ops::backup;

use super::{log_dir, size};
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

pub(super) const EXITS: &str = "Exit codes: 0 it is in the archive, and on the disk, 1 it could not be written, 2 it is no \
file of PostgreSQL's log, 5 the archive has another file of this name, or is of another cluster, 6 it is not there.";

/// What to archive, and where to.
#[derive(Debug, Args)]
pub(crate) struct ArchiveWalArgs {
    /// The file, as PostgreSQL's archive_command says it with %p.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// The directory of backups; with it, no configuration is read [default: backup.dir].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Archives a file.
pub(super) fn run(args: &ArchiveWalArgs, context: &Context) -> Ended {
    let dir = log_dir(args.dir.as_ref(), context)?;
    let archived = backup::archive_wal(&dir, &args.path).map_err(|error| CliError::from_backup(&error))?;
    context.output.result(&archived, || match archived.archived_bytes {
        Some(bytes) => format!("{}: archived, {}", archived.name, size(bytes)),
        None => format!("{}: was archived already", archived.name),
    })?;
    Ok(Exit::Ok)
}
