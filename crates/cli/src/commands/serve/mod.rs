//! `taskward serve`: puts the service together, runs it, and answers signals.

mod backups;
mod failure;
mod key_age;
mod settings;
mod signals;
mod wal;

use std::sync::Arc;

use secrecy::ExposeSecret;
use taskward_config::{Config, Loaded, Sources};
use taskward_ops::rollback;
use taskward_server::Server;
use taskward_server::telemetry::log::Log;
use taskward_server::telemetry::metrics::{self, Recorder};
use taskward_store::{SqliteLog, Store, StoreError};

use crate::traces;

pub use failure::ServeFailure;

/// Starts the service and runs it until it is told to stop.
///
/// The configuration decides everything; see `taskward config explain`. SIGTERM or SIGINT drains: no new
/// claims, requests in flight finished, exit 0. A second signal ends at once. SIGHUP reads the
/// configuration again; it and SIGUSR1 open the log file again.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {}

/// Runs the service. With `stdout_taken` its log leaves standard output to the result.
pub(super) async fn run(sources: Sources, stdout_taken: bool) -> Result<(), ServeFailure> {
    let loaded = Config::load(&sources).map_err(ServeFailure::Config)?;
    // Whatever ends this function, what was logged is written then.
    let log = Log::install(&settings::log(&loaded.config, stdout_taken)).map_err(ServeFailure::Log)?;
    let recorder = recorder(&loaded.config)?;
    signals::first_configuration();
    // From here on a signal is an event and not the end of the process.
    let mut signals = signals::Signals::install().map_err(ServeFailure::Signals)?;
    let settings = settings::server(&loaded);
    // The port comes first: a service that cannot have it must not have touched the database.
    let listener = Server::bind(&settings)
        .await
        .map_err(|source| ServeFailure::Listen { address: settings::address(&loaded.config), source })?;
    let follower = wal::sqlite::follower(&loaded.config);
    let store = open_store(&loaded.config, wal::sqlite::kept(follower.as_ref())).await?;
    wal::sqlite::archive(&loaded.config, follower).await;
    let traces = traces::start(&loaded.config.tracing, settings::resource(&loaded.config));
    let traces = traces.map_err(ServeFailure::Traces)?;
    let control = log.control().clone();
    let server = Server::start(listener, Arc::clone(&store), settings, recorder, control, traces);
    announce(&loaded, &server, &*store);
    let _backups = backups::watch(&loaded.config, Arc::clone(&store));
    let wal = wal::postgres::watch(&loaded.config);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = server.run(async {
        // An error means that the signals' side is gone: then, too, the service should stop.
        let _ = stopped.await;
    });
    let ended = tokio::select! {
        outcome = served => outcome
            .map(|()| tracing::info!("stopped: nothing was in flight any more"))
            .map_err(ServeFailure::Drain),
        signal = signals.handle(stop, &sources, loaded, log.control()) => Err(ServeFailure::Interrupted(signal)),
    };
    wal.end().await;
    ended
}

/// What counts; where nothing is to be counted the process goes on with the recorder that ignores everything.
fn recorder(config: &Config) -> Result<Recorder, ServeFailure> {
    if config.metrics.enabled {
        return metrics::install().map_err(ServeFailure::Metrics);
    }
    Ok(Recorder::default())
}

/// Opens the database and makes sure that its schema is the one this program needs.
async fn open_store(config: &Config, log: SqliteLog) -> Result<Arc<dyn Store>, ServeFailure> {
    let options = settings::store(config, log);
    let store = taskward_store::open(config.database.url.expose_secret(), options).await?;
    if config.database.migrate_on_start {
        bring_up_to_date(&*store).await?;
    }
    store.check_schema().await?;
    Ok(store)
}

/// Applies what only adds: nothing is lost by that, and instances of the release before go on working. What does more
/// is for somebody who has looked at it, and has a backup.
async fn bring_up_to_date(store: &dyn Store) -> Result<(), ServeFailure> {
    let status = store.migration_status().await?;
    if status.current > 0 && !status.pending.is_empty() {
        let plan = rollback::plan(store, None).await?;
        if !plan.is_harmless() {
            return Err(ServeFailure::Migration(Box::new(plan)));
        }
    }
    for migration in store.migrate_up(None).await? {
        tracing::info!(migration = migration.version, name = migration.name, "applied a migration");
    }
    Ok(())
}

fn announce(loaded: &Loaded, server: &Server, store: &dyn Store) {
    let config = &loaded.config;
    let address = server.local_addr().map(|address| address.to_string()).unwrap_or_default();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        env = %config.env,
        database = store.describe(),
        auth = if config.server.api_key.is_some() { "api key" } else { "none (dev, loopback only)" },
        "taskward listens on http://{address}"
    );
}

impl From<StoreError> for ServeFailure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
