//! The configuration, validated.

use crate::environment::Environment;
use crate::sections::{
    Alerts, App, Backup, Database, Logging, Metrics, Redis, Server, Tasks, Tracing, Worker,
};
use crate::value::Values;

/// The configuration, validated: plain types, and secrets that show themselves redacted.
///
/// The only way to one is [`Config::load`].
#[derive(Debug, Clone)]
pub struct Config {
    /// Which environment this is.
    pub env: Environment,
    /// Who this service is.
    pub app: App,
    /// The HTTP server.
    pub server: Server,
    /// Where the tasks are kept.
    pub database: Database,
    /// An optional Redis.
    pub redis: Redis,
    /// What is logged, how and where.
    pub logging: Logging,
    /// The limits of tasks, and how long they are kept.
    pub tasks: Tasks,
    /// What `taskward worker` does.
    pub worker: Worker,
    /// When something is wrong, and who is told.
    pub alerts: Alerts,
    /// Copies of the database, and what they are worth.
    pub backup: Backup,
    /// Where spans are sent, and how many.
    pub tracing: Tracing,
    /// What the service counts of what it does.
    pub metrics: Metrics,
}

impl Config {
    /// `None` when a value is missing or not of its field's type, which validation excludes.
    pub(crate) fn from_values(env: Environment, values: &Values) -> Option<Self> {
        Some(Self {
            env,
            app: App::from_values(values)?,
            server: Server::from_values(values)?,
            database: Database::from_values(values)?,
            redis: Redis::from_values(values)?,
            logging: Logging::from_values(values)?,
            tasks: Tasks::from_values(values)?,
            worker: Worker::from_values(values)?,
            alerts: Alerts::from_values(values)?,
            backup: Backup::from_values(values)?,
            tracing: Tracing::from_values(values)?,
            metrics: Metrics::from_values(values)?,
        })
    }
}
