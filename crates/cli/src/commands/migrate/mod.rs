//! `taskward migrate status|plan|up|down`: works on the configured database, with the service or without it.

mod change;

use std::sync::Arc;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use taskward_config::{Config, WalMode};
use taskward_ops::rollback;
use taskward_store::{SqliteLog, Store, StoreError};

use super::Ended;
use crate::context::Context;
use crate::database::{describe, must_exist};
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
    ///
    /// A backup is made and verified before anything is changed. A database without a schema has nothing to back up.
    #[command(after_help = change::EXITS)]
    Up(change::UpArgs),
    /// Revert migrations, also those of a newer release: how to is kept in the database.
    ///
    /// A backup is made and verified before anything is changed.
    #[command(after_help = change::EXITS)]
    Down(change::DownArgs),
}

/// Which way, and how far.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The version to get to, up or down; the newest by default.
    #[arg(long, value_name = "VERSION")]
    to: Option<u32>,
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
        MigrateCommand::Up(args) => change::up(&args, &config, context).await?,
        MigrateCommand::Down(args) => change::down(&args, &config, context).await?,
    }
    Ok(Exit::Ok)
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
    // What is archived goes on with the service's next start.
    let log = match config.backup.wal {
        WalMode::Off => SqliteLog::Discarded,
        WalMode::Stream | WalMode::Command => SqliteLog::LeftAlone,
    };
    taskward_store::StoreOptions {
        connect_timeout: config.database.connect_timeout,
        pool_size: 1,
        log,
        ..taskward_store::StoreOptions::default()
    }
}
