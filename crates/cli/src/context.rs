//! What every verb is given: the global arguments, and what follows from them.

use std::path::PathBuf;
use std::time::Duration;

use taskward_client::{Client, ClientError, ClientOptions, RetryPolicy};
use taskward_config::{Config, Loaded, Sources};

use crate::cli::GlobalArgs;
use crate::error::{CliError, Effect};
use crate::input::shell_quoted;
use crate::output::Output;
use crate::secret;

/// Where a service is when nobody says otherwise.
pub(crate) const URL_DEFAULT: &str = "http://127.0.0.1:8000";

/// The global arguments.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Prints.
    pub(crate) output: Output,
    /// The directory of configuration files, when one was named.
    pub(crate) config_dir: Option<PathBuf>,
    url: Option<String>,
}

impl Context {
    pub(crate) fn new(global: GlobalArgs, output: Output) -> Self {
        let url = global.url.filter(|url| !url.is_empty());
        Self { output, config_dir: global.config_dir, url }
    }

    /// A client for one command: it tries again a little, since somebody waits for it.
    pub(crate) fn client(&self) -> Result<Client, CliError> {
        let retry =
            RetryPolicy { attempts_max: 4, elapsed_max: Duration::from_secs(10), ..RetryPolicy::default() };
        self.client_with(retry)
    }

    /// A client with its own patience.
    pub(crate) fn client_with(&self, retry: RetryPolicy) -> Result<Client, CliError> {
        let user_agent = concat!("taskward-cli/", env!("CARGO_PKG_VERSION")).to_owned();
        let options = ClientOptions { retry, user_agent, ..ClientOptions::default() };
        Client::with_options(self.url.as_deref().unwrap_or(URL_DEFAULT), secret::api_key()?, options)
            .map_err(|error| self.read_failed(&error))
    }

    /// A call that only looks has failed.
    pub(crate) fn read_failed(&self, error: &ClientError) -> CliError {
        CliError::from_client(error, Effect::Read, self)
    }

    /// A call that changes something has failed.
    pub(crate) fn write_failed(&self, error: &ClientError) -> CliError {
        CliError::from_client(error, Effect::Write, self)
    }

    /// A command of this program against the same service, ready to be pasted.
    pub(crate) fn command(&self, verb: &str) -> String {
        let from_environment = std::env::var("TASKWARD_URL").ok();
        match &self.url {
            Some(url) if *url != URL_DEFAULT && from_environment.as_ref() != Some(url) => {
                format!("taskward {verb} --url {}", shell_quoted(url))
            }
            _ => format!("taskward {verb}"),
        }
    }

    /// What the configuration is read from.
    pub(crate) fn sources(&self) -> Sources {
        Sources::from_process(self.config_dir.clone())
    }

    /// The configuration.
    pub(crate) fn config(&self) -> Result<Loaded, CliError> {
        Config::load(&self.sources()).map_err(|problems| CliError::from_config(&problems))
    }

    /// The alerts' section of the configuration, which can be read where the service's cannot.
    pub(crate) fn alerts_config(&self) -> Result<taskward_config::Alerts, CliError> {
        Config::load_alerts(&self.sources()).map_err(|problems| CliError::from_config(&problems))
    }

    /// The section of the configuration on traces, which can be read where the service's cannot.
    pub(crate) fn tracing_config(&self) -> Result<taskward_config::Tracing, CliError> {
        Config::load_tracing(&self.sources()).map_err(|problems| CliError::from_config(&problems))
    }

    /// The worker's section of the configuration, which can be read where the service's cannot.
    pub(crate) fn worker_config(&self) -> Result<taskward_config::Worker, CliError> {
        Config::load_worker(&self.sources()).map_err(|problems| CliError::from_config(&problems))
    }
}
