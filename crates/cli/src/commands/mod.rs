//! One file, or folder, per verb: its arguments and how its result is shown.

pub(crate) mod alerts;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod checklist;
pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod db;
pub(crate) mod doctor;
pub(crate) mod drill;
pub(crate) mod enqueue;
pub(crate) mod health;
pub(crate) mod log;
pub(crate) mod maintenance;
pub(crate) mod metrics;
pub(crate) mod migrate;
pub(crate) mod queue;
pub(crate) mod restore;
pub mod serve;
pub(crate) mod task;
pub(crate) mod version;
pub(crate) mod worker;

use secrecy::ExposeSecret;

use crate::cli::Command;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

/// How a command ends: with an exit code of its own, or with an error that carries one.
pub(crate) type Ended = Result<Exit, CliError>;

/// Runs a command.
pub(crate) async fn run(command: Command, context: &Context) -> Ended {
    match command {
        Command::Serve(serve::ServeArgs {}) => service(context).await,
        Command::Enqueue(args) => enqueue::run(*args, context).await,
        Command::Worker(args) => worker::run(args, context).await,
        Command::Task(command) => task::run(command, context).await,
        Command::Queue(command) => queue::run(command, context).await,
        Command::Health(command) => health::run(command, context).await,
        Command::Maintenance(command) => maintenance::run(command, context).await,
        Command::Alerts(command) => alerts::run(command, context).await,
        Command::Metrics(command) => metrics::run(command, context).await,
        Command::Log(command) => log::run(command, context).await,
        Command::Doctor(command) => doctor::run(&command, context),
        Command::Checklist(command) => checklist::run(command, context).await,
        Command::Config(command) => config::run(&command, context),
        Command::Db(command) => db::run(command, context).await,
        Command::Migrate(command) => migrate::run(command, context).await,
        Command::Backup(command) => backup::run(command, context).await,
        Command::Restore(command) => restore::run(command, context).await,
        Command::Drill(command) => drill::run(command, context).await,
        Command::Bench(args) => bench::run(args, context).await,
        Command::Version => version::run(context),
        Command::Completion(args) => completion::run(&args, context),
    }
}

/// Runs the service. With `-o json` the log leaves stdout to the one document.
async fn service(context: &Context) -> Ended {
    match serve::run(context.sources(), !context.output.is_text()).await {
        Ok(()) => Ok(Exit::Ok),
        Err(failure) => {
            // The configuration says how its database is called in an error.
            let database = context
                .config()
                .map(|loaded| taskward_config::redact::url(loaded.config.database.url.expose_secret()));
            Err(CliError::from_serve(&failure, database.as_deref().unwrap_or("the database")))
        }
    }
}
