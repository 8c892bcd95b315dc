//! `taskward migrate up` and `down`: looked at, confirmed, backed up, and only then done.

use clap::Args;
use serde_json::json;
use taskward_config::Config;
use taskward_ops::backup::{self, BackupSettings, Clock, CreateOptions};
use taskward_ops::rollback::{self, BackupBefore, MigrateError, MigrateOptions, MigrationReport, PlanReport};

use taskward_store::StoreError;
use taskward_store::sqlite::newest_schema;

use super::with_store;
use crate::clock;
use crate::commands::backup::{interruptible, listener};
use crate::confirm::confirm;
use crate::context::Context;
use crate::database::{describe, missing_file, must_exist};
use crate::error::CliError;
use crate::exit::Exit;

pub(super) const EXITS: &str = "Exit codes: 0 done, or nothing to do, 1 failed, 2 there is no such version, 5 data would \
be lost, or no backup can be made (nothing was changed), 6 there is no database, 7 a backup is being made, 8 the database \
cannot be reached, 9 not confirmed.";

/// How far up.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// The last version to apply; all of them by default.
    #[arg(long, value_name = "VERSION")]
    to: Option<u32>,
    #[command(flatten)]
    how: HowArgs,
}

/// How far down.
#[derive(Debug, Args)]
pub(crate) struct DownArgs {
    /// The version to go back to; 0 removes everything.
    #[arg(long, value_name = "VERSION")]
    to: u32,
    #[command(flatten)]
    how: HowArgs,
}

/// How to change a schema.
#[derive(Debug, Args)]
struct HowArgs {
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Go on where data would be lost; `migrate plan` says what.
    #[arg(long)]
    accept_data_loss: bool,
    /// Make no backup before; this asks.
    #[arg(long)]
    no_backup: bool,
    /// Do not ask.
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
}

/// Applies migrations.
pub(super) async fn up(args: &UpArgs, config: &Config, context: &Context) -> Result<(), CliError> {
    // No file is made to find out that there is no such version.
    if let Some(unknown) = args.to.filter(|to| *to > newest_schema()) {
        return Err(CliError::from_store(&StoreError::UnknownMigration(unknown), &describe(config)));
    }
    if args.how.dry_run && missing_file(config).is_some() {
        return would_create(config, context);
    }
    let go = async |options: MigrateOptions| {
        let done = with_store(config, async |store| Ok(rollback::up(store, args.to, options).await));
        migrated(done.await?, config)
    };
    let plan = go(dry()).await?;
    if ends_here(&plan, &args.how, config, context).await? {
        return Ok(());
    }
    accepted(args.to, &args.how, config).await?;
    if args.how.no_backup && plan.from > 0 {
        let what = format!("{}: its schema goes up to version {}, without a backup", plan.database, plan.to);
        confirm(args.how.yes, &what, &name_of(&plan), "taskward migrate plan")?;
    }
    change(&plan, &args.how, config, context, go).await
}

/// Reverts migrations.
pub(super) async fn down(args: &DownArgs, config: &Config, context: &Context) -> Result<(), CliError> {
    must_exist(config)?;
    let go = async |options: MigrateOptions| {
        let done = with_store(config, async |store| Ok(rollback::down(store, args.to, options).await));
        migrated(done.await?, config)
    };
    let plan = go(dry()).await?;
    if ends_here(&plan, &args.how, config, context).await? {
        return Ok(());
    }
    accepted(Some(args.to), &args.how, config).await?;
    let without = if args.how.no_backup { ", without a backup" } else { "" };
    let what = format!("{}: its schema goes back to version {}{without}", plan.database, args.to);
    confirm(args.how.yes, &what, &name_of(&plan), &format!("taskward migrate plan --to {}", args.to))?;
    change(&plan, &args.how, config, context, go).await
}

fn dry() -> MigrateOptions {
    MigrateOptions { dry_run: true, ..MigrateOptions::default() }
}

/// Whether there is nothing to do, or nothing is to be done but to say what would be: then that has been said. A dry run
/// also finds out whether the backup can be made.
async fn ends_here(
    plan: &MigrationReport,
    how: &HowArgs,
    config: &Config,
    context: &Context,
) -> Result<bool, CliError> {
    if how.dry_run && wants_backup(plan, how) {
        let settings = BackupSettings::from(config);
        let options = CreateOptions { dump: settings.can_be_dumped(), ..CreateOptions::default() };
        let planned = backup::plan(&settings, &options).await;
        let planned = planned.map_err(|error| no_backup(&error))?;
        let mut document = json!(plan);
        document["would_back_up"] = json!(planned);
        context.output.result(&document, || format!("{plan}\n  before it: a backup to {}", planned.dir))?;
        return Ok(true);
    }
    if how.dry_run || plan.steps.is_empty() {
        print(&MigrationReport { dry_run: how.dry_run, ..plan.clone() }, context)?;
        return Ok(true);
    }
    Ok(false)
}

/// What is empty, or stays as it is, needs no backup.
fn wants_backup(plan: &MigrationReport, how: &HowArgs) -> bool {
    !how.no_backup && plan.from > 0 && !plan.steps.is_empty()
}

/// Refuses what would lose data that nobody has said may go, before anybody is asked and before anything is copied.
async fn accepted(to: Option<u32>, how: &HowArgs, config: &Config) -> Result<(), CliError> {
    if how.accept_data_loss {
        return Ok(());
    }
    let plan = with_store(config, async |store| rollback::plan(store, to).await).await?;
    if plan.loses_data { Err(loses_data(&plan)) } else { Ok(()) }
}

/// Makes the backup, and then the change.
async fn change(
    plan: &MigrationReport,
    how: &HowArgs,
    config: &Config,
    context: &Context,
    go: impl AsyncFnOnce(MigrateOptions) -> Result<MigrationReport, CliError>,
) -> Result<(), CliError> {
    let backup = if wants_backup(plan, how) { Some(back_up(plan, config).await?) } else { None };
    let options = MigrateOptions { dry_run: false, accept_data_loss: how.accept_data_loss };
    match go(options).await {
        Ok(done) => print(&MigrationReport { backup, ..done }, context),
        Err(error) => Err(match backup {
            Some(backup) => error
                .state(format!(
                    "migrations that were done before stay done; the backup {} is from before",
                    backup.id
                ))
                .detail("backup", &backup),
            None => error,
        }),
    }
}

async fn back_up(plan: &MigrationReport, config: &Config) -> Result<BackupBefore, CliError> {
    let settings = BackupSettings::from(config);
    let (listener, progress) = listener();
    let (began, program) = (Clock::at(clock::now()), env!("CARGO_PKG_VERSION"));
    let work = async {
        let made = rollback::back_up(&settings, (plan.from, plan.to), program, began, &listener).await;
        made.map_err(|error| no_backup(&error))
    };
    let left = "the schema is as it was; what there was of the backup stays as partial";
    let made = interruptible(work, left, "taskward backup prune --dry-run").await;
    progress.end();
    made
}

/// Without a backup nothing is changed.
fn no_backup(error: &backup::BackupError) -> CliError {
    CliError::from_backup(error).state(
        "the schema was not changed: a backup is made before, and --no-backup --yes is to do without one",
    )
}

/// What somebody types who is asked.
fn name_of(plan: &MigrationReport) -> String {
    plan.database.rsplit(['/', ':']).next().unwrap_or(&plan.database).to_owned()
}

/// What was done, or why it was not.
fn migrated(
    outcome: Result<MigrationReport, MigrateError>,
    config: &Config,
) -> Result<MigrationReport, CliError> {
    outcome.map_err(|error| match error {
        MigrateError::Store(error) => CliError::from_store(&error, &describe(config)),
        MigrateError::LosesData(plan) => loses_data(&plan),
    })
}

fn loses_data(plan: &PlanReport) -> CliError {
    let message =
        format!("{}: getting from schema version {} to {} loses data", plan.database, plan.from, plan.to);
    CliError::new(Exit::Refused, "data_loss", message)
        .why(format!("would be lost: {}", plan.losses()))
        .next(format!("taskward migrate plan --to {}", plan.to))
        .detail("plan", plan)
}

fn print(report: &MigrationReport, context: &Context) -> Result<(), CliError> {
    context.output.result(report, || report.to_string())
}

/// A dry run creates no file to find out that it is empty.
fn would_create(config: &Config, context: &Context) -> Result<(), CliError> {
    let database = describe(config);
    let document =
        json!({"database": database, "direction": "up", "dry_run": true, "from": 0, "creates_file": true});
    context.output.result(&document, || format!("{database}: would be created, with all migrations"))
}
