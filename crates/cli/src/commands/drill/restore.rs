//! `taskward drill restore`.

use clap::Args;
use jiff::Timestamp;
use taskward_core::duration;
use taskward_ops::backup::{self, BackupError, Clock, DrillRecord, Goal, Which};

use crate::clock;
use crate::commands::Ended;
use crate::commands::backup::{id, interruptible, listener, settings};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;

pub(super) const EXITS: &str = "Exit codes: 0 restored within the objectives, 1 failed, 3 the backup is damaged, or \
not what its manifest says, 5 it cannot be tried here, 6 the backup, or one of its files, is missing, 10 restored, \
but an objective was missed.";

/// Which backup, or which moment.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RestoreArgs {
    /// The backup's id, as `taskward backup list` prints it.
    #[arg(value_parser = id)]
    id: Option<String>,
    /// The latest one.
    #[arg(long)]
    latest: bool,
    /// A moment, with its zone: the backup before it, and the log after that.
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    to: Option<Timestamp>,
}

impl RestoreArgs {
    fn goal(&self) -> Goal {
        match (self.to, &self.id) {
            (Some(to), _) => Goal::Moment(to),
            (None, Some(id)) => Goal::Backup(Which::Id(id.clone())),
            (None, None) => Goal::Backup(Which::Latest),
        }
    }
}

/// Restores to a scratch place.
pub(super) async fn run(args: &RestoreArgs, context: &Context) -> Ended {
    let settings = settings(context)?;
    let (listener, progress) = listener();
    let work = async {
        let done = backup::drill(&settings, &args.goal(), Clock::at(clock::now()), &listener).await;
        done.map_err(|error| failed(&error))
    };
    let left = "the live data is as it was; the scratch directory may have something left";
    let record = interruptible(work, left, "taskward config explain backup.scratch_dir").await;
    progress.end();
    let record = record?;
    let missed = record.missed();
    if missed.is_empty() {
        context.output.result(&record, || text(&record))?;
        return Ok(Exit::Ok);
    }
    context.output.text(|| text(&record))?;
    Err(CliError::new(Exit::ObjectiveMissed, "objective_missed", missed.join("; "))
        .state("the backup was restored, and works; the scratch copy was removed")
        .next("taskward drill history")
        .detail("drill", &record))
}

fn failed(error: &BackupError) -> CliError {
    let failed = CliError::from_backup(error).state("the live data is as it was");
    match error {
        BackupError::Target { .. } => failed.next("taskward config explain backup.scratch_dir"),
        _ => failed,
    }
}

fn text(record: &DrillRecord) -> String {
    let shown = |ms| duration::format(std::time::Duration::from_millis(ms));
    let loss = record.loss_seconds.unwrap_or_default();
    let how = match record.to {
        Some(to) => format!("restored, rolled forward to {to}, checked"),
        None => "restored, compared with its manifest".to_owned(),
    };
    format!(
        "{}: {how}, and a task was run\nrecovery {} of at most {}; would lose the last \
         {} of at most {}",
        record.backup,
        shown(record.recovery_ms),
        shown(record.rto_ms),
        shown(loss.saturating_mul(1_000)),
        shown(record.rpo_seconds.saturating_mul(1_000))
    )
}
