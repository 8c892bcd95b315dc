//! `taskward backup prune`.

use clap::Args;
use taskward_ops::backup::{self, PruneReport, Removed};

use super::{interruptible, listener, settings, size};
use crate::commands::Ended;
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::table::table;

/// How to remove.
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
}

/// Removes what retention does not keep.
pub(super) async fn run(args: &PruneArgs, context: &Context) -> Ended {
    let settings = settings(context)?;
    let pruned = async |dry_run: bool| {
        let (listener, progress) = listener();
        let work = async {
            let done = backup::prune(&settings, dry_run, &listener).await;
            done.map_err(|error| {
                CliError::from_backup(&error).state("backups that were removed already are gone")
            })
        };
        let done =
            interruptible(work, "backups that were removed already are gone", "taskward backup list").await;
        progress.end();
        done
    };
    let mut report = pruned(true).await?;
    if !args.dry_run && !report.removed.is_empty() {
        let what =
            format!("{}: removing {} backups or parts of such", settings.dir.display(), report.removed.len());
        let name = settings.dir.file_name().map_or_else(|| "backups".into(), |name| name.to_string_lossy());
        confirm(args.yes, &what, &name, "taskward backup prune --dry-run")?;
        report = pruned(false).await?;
    }
    report.dry_run = args.dry_run;
    context.output.result(&report, || text(&report))?;
    Ok(Exit::Ok)
}

fn text(report: &PruneReport) -> String {
    let last = report.last_good.as_deref().unwrap_or("none");
    let kept = format!("{} kept; the last good one is {last}", report.kept.len());
    if report.removed.is_empty() {
        return format!("nothing to remove, {kept}");
    }
    let verb = if report.dry_run { "would be removed" } else { "removed" };
    let row =
        |removed: &Removed| vec![removed.id.clone(), size(removed.bytes), format!("{verb}: {}", removed.why)];
    format!("{}\n{kept}", table(&["id", "size", "why"], report.removed.iter().map(row)))
}
