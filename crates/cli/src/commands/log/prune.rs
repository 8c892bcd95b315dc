//! `taskward log prune`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use taskward_ops::logs::prune::{self, Keep, LogPrune, Prunable};

use super::options::{configured, failed, logging};
use crate::clock;
use crate::commands::Ended;
use crate::confirm::confirm;
use crate::context::Context;
use crate::exit::Exit;
use crate::input;
use crate::output::size;
use crate::table::table;

/// What to remove.
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Keep so many of the newest rotated files [default: the configuration's logging.rotate_keep].
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Of those keep only what was written to within this time, such as 720h.
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    older_than: Option<Duration>,
    /// The log file [default: the configuration's logging.file].
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
}

/// Removes rotated files.
pub(super) fn run(args: &PruneArgs, context: &Context) -> Ended {
    let logging = logging(context)?;
    let keep = Keep { files: args.keep.unwrap_or(logging.rotate_keep), younger_than: args.older_than };
    let path = match &args.file {
        Some(path) => path.clone(),
        None => configured(logging)?,
    };
    let mut plan = prune::plan(&path, keep, clock::now()).map_err(|error| failed(&error))?;
    if !args.dry_run && !plan.removed.is_empty() {
        let what = format!("{}: removing {} rotated files", path.display(), plan.removed.len());
        let name = path.file_name().map_or_else(|| "log".into(), |name| name.to_string_lossy());
        confirm(args.yes, &what, &name, "taskward log prune --dry-run")?;
        prune::remove(&plan)
            .map_err(|error| failed(&error).state("files older than that one are gone, the others stay"))?;
    }
    plan.dry_run = args.dry_run;
    context.output.result(&plan, || text(&plan))?;
    Ok(Exit::Ok)
}

fn text(plan: &LogPrune) -> String {
    let stays = format!(
        "{} rotated files stay ({}), and the file that is written ({})",
        plan.kept,
        size(plan.kept_bytes),
        size(plan.current_bytes)
    );
    if plan.removed.is_empty() {
        return format!("nothing to remove: {stays}");
    }
    let row = |removed: &Prunable| {
        let written = removed.last_written_at.map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"));
        vec![removed.file.display().to_string(), size(removed.bytes), written]
    };
    let table = table(&["file", "size", "last line"], plan.removed.iter().map(row));
    let verb = if plan.dry_run { "would be removed" } else { "removed" };
    let (count, won) = (plan.removed.len(), size(plan.removed_bytes));
    format!("{table}\n{count} files {verb}, {won}; {stays}")
}
