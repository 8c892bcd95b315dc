//! `taskward migrate status|up|down`: works on the configured database, with the service or without it.

use std::sync::Arc;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::json;
use taskward_config::Config;
use taskward_ops::rollback::{self, MigrationReport};
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
    /// Apply pending migrations.
    Up(UpArgs),
    /// Revert migrations. Loses what the reverted tables and columns hold.
    Down(DownArgs),
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
        MigrateCommand::Up(args) if args.dry_run && missing_file(&config).is_some() => {
            would_create(&config, context)?;
        }
        MigrateCommand::Up(args) => {
            print(
                &with_store(&config, async |store| rollback::up(store, args.to, args.dry_run).await).await?,
                context,
            )?;
        }
        MigrateCommand::Down(args) => down(&args, &config, context).await?,
    }
    Ok(Exit::Ok)
}

async fn down(args: &DownArgs, config: &Config, context: &Context) -> Result<(), CliError> {
    must_exist(config)?;
    let plan = with_store(config, async |store| rollback::down(store, args.to, true).await).await?;
    if args.dry_run || plan.steps.is_empty() {
        return print(&MigrationReport { dry_run: args.dry_run, ..plan }, context);
    }
    let name = plan.database.rsplit(['/', ':']).next().unwrap_or(&plan.database).to_owned();
    let what = format!("{}: going back to schema version {} loses data", plan.database, args.to);
    confirm(args.yes, &what, &name, &format!("taskward migrate down --to {} --dry-run", args.to))?;
    let done = with_store(config, async |store| rollback::down(store, args.to, false).await).await?;
    print(&done, context)
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
