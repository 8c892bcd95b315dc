//! `taskward backup create`.

use clap::{Args, ValueEnum};
use serde_json::json;
use taskward_ops::backup::{self, Clock, CreateOptions, Created, Plan};

use super::{interruptible, listener, settings, size};
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::{clock, input};

pub(super) const EXITS: &str = "Exit codes: 0 made, 1 failed, 5 it cannot be made here (nothing was written), \
6 there is no database, 7 another one is being made, 8 the database cannot be reached.";

/// What kind of backup.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What to call it.
    #[arg(long, value_name = "TEXT", value_parser = input::name_100)]
    label: Option<String>,
    /// With PostgreSQL: the whole cluster as it is on the disk, or a dump of the one database.
    #[arg(long, value_enum, default_value = "base", value_name = "FORMAT")]
    format: Format,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    // Not documentation: the names say it.
    Base,
    Dump,
}

/// Makes a backup.
pub(super) async fn run(args: CreateArgs, context: &Context) -> Ended {
    let settings = settings(context)?;
    let options = CreateOptions {
        label: args.label,
        dump: args.format == Format::Dump,
        program: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if args.dry_run {
        let plan = backup::plan(&settings, &options).await.map_err(|error| CliError::from_backup(&error))?;
        context.output.result(&json!({"dry_run": true, "plan": plan}), || planned(&plan))?;
        return Ok(Exit::Ok);
    }
    let (listener, progress) = listener();
    let work = async {
        let made = backup::create(&settings, options, Clock::at(clock::now()), &listener).await;
        made.map_err(|error| CliError::from_backup(&error))
    };
    let left = "what there was of the backup stays as partial, and is no backup";
    let made = interruptible(work, left, "taskward backup prune --dry-run").await;
    progress.end();
    let made = made?;
    context.output.result(&made, || text(&made))?;
    Ok(Exit::Ok)
}

fn planned(plan: &Plan) -> String {
    format!(
        "would copy {} ({}, {}) to {}, which has {} left",
        plan.database,
        plan.engine.as_str(),
        size(plan.data_bytes),
        plan.dir,
        size(plan.free_bytes)
    )
}

fn text(made: &Created) -> String {
    let manifest = &made.manifest;
    let tasks: u64 = manifest.rows.last.states.values().sum();
    format!(
        "{}: {} in {} files, {tasks} tasks, in {:.1} s\n{}",
        manifest.id,
        size(manifest.bytes()),
        manifest.files.len(),
        std::time::Duration::from_millis(made.took_ms).as_secs_f64(),
        made.path
    )
}
