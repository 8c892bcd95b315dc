//! Restoring: looking first, asking, and saying what was done.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;
use taskward_ops::backup::{
    self, Clock, Engine, Goal, PointPlan, RestoreOptions, RestorePlan, RestoreRecord,
};

use crate::clock;
use crate::commands::Ended;
use crate::commands::backup::{interruptible, listener, settings, size};
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::{CliError, UNCHANGED};
use crate::exit::Exit;

/// Where to, and whether at all.
#[derive(Debug, Args)]
pub(super) struct How {
    /// Where to. SQLite: a file [default: the configured database, which is kept beside]. PostgreSQL: the data
    /// directory of a stopped server, or a new one; for a dump, the name of a new database. Looking at it can do without.
    #[arg(long, value_name = "TARGET", value_parser = NonEmptyStringValueParser::new())]
    target: Option<String>,
    /// Verify the backup, say what would be done and lost, and do nothing.
    #[arg(long, visible_alias = "preview")]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Restore it also if it holds what `taskward db check` finds fault with: it may have been like that before.
    #[arg(long)]
    accept_violations: bool,
}

/// Restores.
pub(super) async fn perform(goal: Goal, how: How, context: &Context) -> Ended {
    let settings = settings(context)?;
    let options = RestoreOptions {
        goal,
        target: how.target,
        preview: how.dry_run,
        at_once: how.yes,
        accept_violations: how.accept_violations,
    };
    let (listener, progress) = listener();
    let began = Clock::at(clock::now());
    let look = async {
        let plan = backup::plan_restore(&settings, &options, began, &listener).await;
        plan.map_err(|error| CliError::from_backup(&error))
    };
    let plan = interruptible(look, UNCHANGED, "taskward backup list").await;
    progress.end();
    let plan = plan?;
    if how.dry_run {
        context.output.result(&json!({"dry_run": true, "plan": plan}), || planned(&plan))?;
        return Ok(Exit::Ok);
    }
    confirm(how.yes, &planned(&plan), &plan.backup, &preview(&plan))?;
    let work = async {
        let done = backup::restore(&settings, &options, Clock::at(clock::now()), &listener).await;
        done.map_err(|error| CliError::from_backup(&error))
    };
    let target = plan.target.unwrap_or_default();
    let left = format!("{target} is as it was, unless it was being swapped just then; ls -d {target}*");
    let record = interruptible(work, &left, "taskward restore report").await;
    progress.end();
    let record = record?;
    context.output.result(&record, || text(&record))?;
    Ok(Exit::Ok)
}

/// The command that only looks.
fn preview(plan: &RestorePlan) -> String {
    match &plan.point {
        Some(point) => format!("taskward restore pitr --to {} --preview", point.to),
        None => format!("taskward restore run {} --dry-run", plan.backup),
    }
}

fn planned(plan: &RestorePlan) -> String {
    let age = taskward_core::duration::format(std::time::Duration::from_secs(plan.age_seconds));
    let place = match (&plan.target, &plan.kept) {
        (None, _) => "where --target says".to_owned(),
        (Some(target), Some(kept)) => format!("{target}; what is there now is kept as {kept}"),
        (Some(target), None) => format!("{target}; nothing is there now"),
    };
    let (engine, size) = (plan.engine.as_str(), size(plan.data_bytes));
    let what = match &plan.point {
        None => format!("{}: {engine} of {:.0}, {size}", plan.backup, plan.point_at),
        Some(point) => format!("{}: {engine}, {size}, {}", plan.backup, rolled_forward(point)),
    };
    let first = match &plan.in_use {
        Some(why) => format!(" It is in use now ({why}): stop that first."),
        None => String::new(),
    };
    format!("{what} to {place}. What was done in the {age} since then is lost.{first}")
}

fn rolled_forward(point: &PointPlan) -> String {
    let commit = match point.commit_at {
        Some(commit) => format!(" (its last commit is of {commit:.6})"),
        None => String::new(),
    };
    let lost = match point.lost {
        Some(lost) => format!("{} tasks were created and {} finished since", lost.created, lost.finished),
        None => "how much was done since is not known".to_owned(),
    };
    format!(
        "rolled forward to {}{commit}, in the window from {:.0} to {:.0}; {lost};",
        point.to, point.window.from, point.window.to
    )
}

fn text(record: &RestoreRecord) -> String {
    let compared = if record.to.is_some() { "checked" } else { "compared with its manifest" };
    let mut lines = vec![format!(
        "{}: restored to {} in {:.1} s, as of {:.0}; {compared}, and a task was run",
        record.backup,
        record.target,
        std::time::Duration::from_millis(record.took_ms).as_secs_f64(),
        record.point_at
    )];
    lines.extend(record.violations.iter().map(|violation| format!("accepted: {violation}")));
    lines.extend(record.kept.as_ref().map(|kept| format!("kept: {kept}")));
    let may_repeat = record.interrupted.len() + record.again.len();
    let known = if record.compared { "" } else { "; what was done since then is not known" };
    lines.push(format!(
        "{may_repeat} tasks may run again, {} are lost{known}: taskward restore report",
        record.lost
    ));
    lines.push(match record.engine {
        Engine::Sqlite => "next: start the service".to_owned(),
        Engine::PostgresBase | Engine::PgBackRest => {
            "next: start PostgreSQL on it, then the service".to_owned()
        }
        Engine::PostgresDump => format!("next: name the database {} in DATABASE_URL", record.target),
    });
    lines.join("\n")
}
