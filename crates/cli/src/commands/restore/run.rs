//! `taskward restore run`.

use clap::Args;
use serde_json::json;
use taskward_ops::backup::{self, Clock, Engine, RestoreOptions, RestorePlan, RestoreRecord};

use crate::clock;
use crate::commands::Ended;
use crate::commands::backup::{WhichArgs, interruptible, listener, settings, size};
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::{CliError, UNCHANGED};
use crate::exit::Exit;

pub(super) const EXITS: &str = "Exit codes: 0 restored, 1 failed (the target is as it was), 3 the backup is damaged, \
or not what its manifest says, 5 it cannot go there, 6 the backup, or one of its files, is missing, 7 the target is \
in use, 9 not confirmed.";

/// What to restore, and where to.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Where to. SQLite: a file [default: the configured database, which is kept beside]. PostgreSQL: the data
    /// directory of a stopped server, or a new one; for a dump, the name of a new database.
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Verify the backup, say what would be done and lost, and do nothing.
    #[arg(long, visible_alias = "preview")]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
}

/// Restores a backup.
pub(super) async fn run(args: &RunArgs, context: &Context) -> Ended {
    let settings = settings(context)?;
    let options = RestoreOptions { which: args.which.which(), target: args.target.clone() };
    let (listener, progress) = listener();
    let began = Clock::at(clock::now());
    let look = async {
        let plan = backup::plan_restore(&settings, &options, began, &listener).await;
        plan.map_err(|error| CliError::from_backup(&error))
    };
    let plan = interruptible(look, UNCHANGED, "taskward backup list").await;
    progress.end();
    let plan = plan?;
    if args.dry_run {
        context.output.result(&json!({"dry_run": true, "plan": plan}), || planned(&plan))?;
        return Ok(Exit::Ok);
    }
    confirm(
        args.yes,
        &planned(&plan),
        &plan.backup,
        &format!("taskward restore run {} --dry-run", plan.backup),
    )?;
    let work = async {
        let done = backup::restore(&settings, &options, Clock::at(clock::now()), &listener).await;
        done.map_err(|error| CliError::from_backup(&error))
    };
    let left = format!(
        "{} is as it was, unless it was being swapped just then; ls -d {}*",
        plan.target, plan.target
    );
    let record = interruptible(work, &left, "taskward restore report").await;
    progress.end();
    let record = record?;
    context.output.result(&record, || text(&record))?;
    Ok(Exit::Ok)
}

fn planned(plan: &RestorePlan) -> String {
    let age = taskward_core::duration::format(std::time::Duration::from_secs(plan.age_seconds));
    let kept = match &plan.kept {
        Some(kept) => format!("what is there now is kept as {kept}"),
        None => "nothing is there now".to_owned(),
    };
    format!(
        "{}: {} of {:.0}, {} to {}; {kept}. What was done in the {age} since then is lost.",
        plan.backup,
        plan.engine.as_str(),
        plan.point_at,
        size(plan.data_bytes),
        plan.target
    )
}

fn text(record: &RestoreRecord) -> String {
    let mut lines = vec![format!(
        "{}: restored to {} in {:.1} s, as of {:.0}; compared with its manifest, and a task was run",
        record.backup,
        record.target,
        std::time::Duration::from_millis(record.took_ms).as_secs_f64(),
        record.point_at
    )];
    lines.extend(record.kept.as_ref().map(|kept| format!("kept: {kept}")));
    let may_repeat = record.interrupted.len() + record.again.len();
    let known = if record.compared { "" } else { "; what was done since then is not known" };
    lines.push(format!(
        "{may_repeat} tasks may run again, {} are lost{known}: taskward restore report",
        record.lost
    ));
    lines.push(match record.engine {
        Engine::Sqlite => "next: start the service".to_owned(),
        Engine::PostgresBase => "next: start PostgreSQL on it, then the service".to_owned(),
        Engine::PostgresDump => format!("next: name the database {} in DATABASE_URL", record.target),
    });
    lines.join("\n")
}
