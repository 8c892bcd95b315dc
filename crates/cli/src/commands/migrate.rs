//! `taskward migrate status|plan|up|down`: works on the configured database, with the service or without it.

use std::sync::Arc;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::json;
use taskward_config::Config;
use taskward_ops::rollback::{self, MigrateError, MigrateOptions, MigrationReport, PlanReport};
use taskward_store::{Store, StoreError};

use super::Ended;
use crate::confirm::confirm;
use crate::context::Context;
use crate::database::{describe, missing_file, must_exist};
use crate::error::CliError;
use crate::exit::Exit;

/// What to do with the schema of the database that the configuration (`DATABASE_URL`) names.
#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Print which migrations are applied, and which are pending.
    Status,
    /// Print what a migration would do, before it is done.
    ///
    /// Its SQL, whom it blocks, what it has to read or rewrite, and what would be lost. Counts the rows that are concerned,
    /// and changes nothing.
    Plan(PlanArgs),
    /// Apply pending migrations.
    Up(UpArgs),
    /// Revert migrations, also those of a newer release: how to is kept in the database.
    Down(DownArgs),
}

/// Which way, and how far.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The version to get to, up or down; the newest by default.
    #[arg(long, value_name = "VERSION")]
    to: Option<u32>,
}

/// How far up.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// The last version to apply; all of them by default.
    #[arg(long, value_name = "VERSION")]
    to: Option<u32>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Go on where data would be lost; `migrate plan` says what.
    #[arg(long)]
    accept_data_loss: bool,
}

/// How far down.
#[derive(Debug, Args)]
pub(crate) struct DownArgs {
    /// The version to go back to; 0 removes everything.
    #[arg(long, value_name = "VERSION")]
    to: u32,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Go on where data would be lost; `migrate plan` says what.
    #[arg(long)]
    accept_data_loss: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Runs a verb.
pub(crate) async fn run(command: MigrateCommand, context: &Context) -> Ended {
    let config = context.config()?.config;
    match command {
        MigrateCommand::Status => {
            must_exist(&config)?;
            let report = with_store(&config, async |store| rollback::status(store).await).await?;
            context.output.result(&report, || report.to_string())?;
        }
        MigrateCommand::Plan(args) => {
            must_exist(&config)?;
            let plan = with_store(&config, async |store| rollback::plan(store, args.to).await).await?;
            context.output.result(&plan, || plan.to_string())?;
        }
        MigrateCommand::Up(args) if args.dry_run && missing_file(&config).is_some() => {
            would_create(&config, context)?;
        }
        MigrateCommand::Up(args) => {
            let options = MigrateOptions { dry_run: args.dry_run, accept_data_loss: args.accept_data_loss };
            let up = with_store(&config, async |store| Ok(rollback::up(store, args.to, options).await));
            print(&done(up.await?, &config)?, context)?;
        }
        MigrateCommand::Down(args) => down(&args, &config, context).await?,
    }
    Ok(Exit::Ok)
}

async fn down(args: &DownArgs, config: &Config, context: &Context) -> Result<(), CliError> {
    must_exist(config)?;
    let go = async |options: MigrateOptions| {
        let down = with_store(config, async |store| Ok(rollback::down(store, args.to, options).await));
        done(down.await?, config)
    };
    let dry = MigrateOptions { dry_run: true, ..MigrateOptions::default() };
    let plan = go(dry).await?;
    if args.dry_run || plan.steps.is_empty() {
        return print(&MigrationReport { dry_run: args.dry_run, ..plan }, context);
    }
    if !args.accept_data_loss {
        let plan = with_store(config, async |store| rollback::plan(store, Some(args.to)).await).await?;
        if plan.loses_data {
            return Err(loses_data(&plan));
        }
    }
    let name = plan.database.rsplit(['/', ':']).next().unwrap_or(&plan.database).to_owned();
    let what = format!("{}: its schema goes back to version {}", plan.database, args.to);
    confirm(args.yes, &what, &name, &format!("taskward migrate plan --to {}", args.to))?;
    let options = MigrateOptions { dry_run: false, accept_data_loss: args.accept_data_loss };
    print(&go(options).await?, context)
}

/// What was done, or why it was not.
fn done(
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

/// Opens the database, uses it, and closes it, whatever came of it.
async fn with_store<T>(
    config: &Config,
    work: impl AsyncFnOnce(&dyn taskward_store::StoreAdmin) -> Result<T, StoreError>,
) -> Result<T, CliError> {
    let failed = |error: StoreError| CliError::from_store(&error, &describe(config));
    let url = config.database.url.expose_secret();
    let store: Arc<dyn Store> = taskward_store::open(url, store_options(config)).await.map_err(failed)?;
    let done = work(&*store).await;
    store.close().await;
    done.map_err(failed)
}

/// A migration may take longer than a request.
fn store_options(config: &Config) -> taskward_store::StoreOptions {
    taskward_store::StoreOptions {
        connect_timeout: config.database.connect_timeout,
        pool_size: 1,
        ..taskward_store::StoreOptions::default()
    }
}
