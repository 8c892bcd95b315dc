//! The service that is measured, and what is known about it.

use std::sync::Arc;

use secrecy::ExposeSecret;
use taskward_client::{Client, Health, SecretString};
use taskward_config::{Config, DatabaseTarget};
use taskward_ops::scaling::bench::{self, Subject};
use taskward_store::{Store, StoreOptions};

use super::{BenchArgs, described};
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::CliError;
use crate::secret;

/// The service that the client's configuration points to.
pub(super) async fn running(args: &BenchArgs, context: &Context) -> Result<(Subject, Health), CliError> {
    let client = context.client()?;
    let key = secret::api_key()?;
    let health = ask(&client, key.as_ref(), context).await?;
    client.check_key().await.map_err(|error| context.read_failed(&error))?;
    if health.env == "prod" || std::env::var("APP_ENV").is_ok_and(|env| env == "prod") {
        let what = format!("{} is a production service: it would be loaded as far as it goes", client.url());
        confirm(args.yes, &what, "prod", "taskward bench --embedded")?;
    }
    let workers = (0..args.workers()).map(|_| context.client()).collect::<Result<_, _>>()?;
    // A client needs no configuration of a service; without one, the database is just not looked at.
    let config = context.config().ok().map(|loaded| loaded.config);
    let subject = Subject {
        client,
        worker_clients: workers,
        key,
        pid: None,
        store: match &config {
            Some(config) => open(config).await,
            None => None,
        },
        database: None,
        embedded: false,
    };
    Ok((subject, health))
}

/// Asks the service who it is.
pub(super) async fn ask(
    client: &Client,
    key: Option<&SecretString>,
    context: &Context,
) -> Result<Health, CliError> {
    bench::health(client, key)
        .await
        .map_err(|error| described(&error, context).state(crate::error::UNCHANGED))
}

/// Opens the configured database, when it has a log whose position can be read. A measurement goes on without.
pub(super) async fn open(config: &Config) -> Option<Arc<dyn Store>> {
    let DatabaseTarget::Postgres(url) = config.database.target() else { return None };
    let options = StoreOptions {
        connect_timeout: config.database.connect_timeout,
        pool_size: 1,
        ..StoreOptions::default()
    };
    taskward_store::open(url.expose_secret(), options).await.ok()
}

/// Closes the database.
pub(super) async fn close(store: Option<Arc<dyn Store>>) {
    if let Some(store) = store {
        store.close().await;
    }
}
