//! What the verbs of backups have in common.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use taskward_ops::backup::{self, BackupSettings, Listener, Which};

use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::signals;

/// Which backup.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhichArgs {
    /// The backup's id, as `taskward backup list` prints it.
    #[arg(value_parser = id)]
    id: Option<String>,
    /// The latest one.
    #[arg(long)]
    latest: bool,
}

impl WhichArgs {
    pub(crate) fn which(&self) -> Which {
        self.id.clone().map_or(Which::Latest, Which::Id)
    }
}

/// A backup's id.
pub(crate) fn id(text: &str) -> Result<String, String> {
    if backup::is_id(text) {
        Ok(text.to_owned())
    } else {
        Err("expected a backup's id, such as 20261231-235900".to_owned())
    }
}

/// What the configuration says of backups.
pub(crate) fn settings(context: &Context) -> Result<BackupSettings, CliError> {
    Ok(BackupSettings::from(&context.config()?.config))
}

/// The directory that the log is in: the named one, else the configured one.
pub(super) fn log_dir(named: Option<&PathBuf>, context: &Context) -> Result<PathBuf, CliError> {
    match named {
        Some(dir) => Ok(dir.clone()),
        None => Ok(settings(context)?.dir),
    }
}

/// Shows progress on a terminal, until the returned line is ended.
pub(crate) fn listener() -> (Listener, Progress) {
    let progress = Progress::message();
    let shown = progress.clone();
    let listener: Listener = Arc::new(move |progress| match progress {
        backup::Progress::Stage(stage) => shown.stage(stage),
        backup::Progress::Bytes { done, total } => shown.at(done, total),
    });
    (listener, progress)
}

/// Does something that a signal breaks off; `state` is what that leaves behind.
pub(crate) async fn interruptible<T>(
    work: impl Future<Output = Result<T, CliError>>,
    state: &str,
    next: &str,
) -> Result<T, CliError> {
    let shutdown = signals::listen(|| ())?;
    tokio::select! {
        done = work => done,
        () = shutdown.requested.cancelled() => {
            let exit = shutdown.signal().unwrap_or(Exit::Terminated);
            Err(CliError::new(exit, "interrupted", "ended by a signal").state(state).next(next))
        }
    }
}
