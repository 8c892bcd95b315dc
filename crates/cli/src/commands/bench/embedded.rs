//! `--embedded`: a service for one run, with a port and a directory of its own.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret;
use taskward_client::{Client, Health, ProbeKind, SecretString};
use taskward_config::{Config, DatabaseTarget, Environment};
use taskward_ops::scaling::bench::Subject;
use taskward_ops::service::{self, Verdict};
use tokio::process::{Child, Command};

use super::{BenchArgs, Place, subject};
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::signals::Shutdown;

/// How long the service may take to start.
const READY: Duration = Duration::from_secs(30);
/// How long it may take to end, before it is killed.
const END: Duration = Duration::from_secs(40);

/// A service that this process has started.
pub(super) struct Embedded {
    child: Child,
    directory: PathBuf,
    config: Config,
    url: String,
}

impl Embedded {
    /// Starts it.
    pub(super) fn start(context: &Context, yes: bool) -> Result<Self, CliError> {
        let config = context.config()?.config;
        if config.env == Environment::Prod {
            let what =
                "the configuration is a production one: its database would be loaded as far as it goes";
            confirm(yes, what, "prod", "APP_ENV=dev DATABASE_URL= taskward bench --embedded")?;
        }
        if is_postgres(&config) {
            let url = taskward_config::redact::url(config.database.url.expose_secret());
            context.output.note(format!(
                "measuring on {url}; the run's tasks stay in its history until they are pruned"
            ));
        }
        let directory = make_directory().map_err(|error| cannot_start(error.to_string()))?;
        let started = free_port().and_then(|port| {
            let child = serve(context, &config, &directory, port)?;
            Ok((child, format!("http://127.0.0.1:{port}")))
        });
        match started {
            Ok((child, url)) => Ok(Self { child, directory, config, url }),
            Err(error) => {
                remove(&directory);
                Err(cannot_start(error.to_string()))
            }
        }
    }

    /// Waits until it answers, and says who it is.
    pub(super) async fn ready(
        &self,
        context: &Context,
        args: &BenchArgs,
        shutdown: &Shutdown,
    ) -> Result<(Subject, Health), CliError> {
        let key = self.key();
        let client = || Client::new(&self.url, key.clone()).map_err(|error| context.read_failed(&error));
        let probe = client()?;
        let report = tokio::select! {
            report = service::ask(&probe, ProbeKind::Ready, Some(READY)) => report,
            () = shutdown.requested.cancelled() => {
                return Err(CliError::new(shutdown.signal().unwrap_or(Exit::Interrupted), "interrupted", "interrupted"));
            }
        };
        if report.verdict != Verdict::Pass {
            return Err(cannot_start(self.last_words().unwrap_or_else(|| report.to_string())));
        }
        let health = subject::ask(&probe, key.as_ref(), context).await?;
        let subject = Subject {
            client: probe,
            worker_clients: (0..args.workers()).map(|_| client()).collect::<Result<_, _>>()?,
            pid: self.child.id(),
            store: subject::open(&self.config).await,
            database: Some(if is_postgres(&self.config) { "postgres" } else { "sqlite" }),
            embedded: true,
            key,
        };
        Ok((subject, health))
    }

    /// What ends it when this process ends at once.
    pub(super) fn kill_at_once(&self) -> impl Fn() + Send + Sync + 'static {
        let (pid, directory) = (self.pid(), self.directory.clone());
        move || {
            if let Some(pid) = pid {
                // It may have ended by itself.
                let _ = kill_process(pid, Signal::KILL);
            }
            remove(&directory);
        }
    }

    /// Ends it as a service manager does, and removes what it leaves.
    pub(super) async fn stop(mut self) {
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, Signal::TERM);
        }
        if tokio::time::timeout(END, self.child.wait()).await.is_err() {
            // It is dropped next, and that kills it.
            tracing::warn!("the embedded service did not end in time, and is killed");
        }
        remove(&self.directory);
    }

    /// What becomes of its tasks when it is stopped.
    pub(super) fn place(&self) -> Place {
        if is_postgres(&self.config) { Place::Stopped } else { Place::Removed }
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()?).ok()?)
    }

    fn key(&self) -> Option<SecretString> {
        if is_postgres(&self.config) { self.config.server.api_key.clone() } else { None }
    }

    /// The end of what it has logged.
    fn last_words(&self) -> Option<String> {
        let log = fs::read_to_string(self.directory.join("serve.log")).ok()?;
        let lines: Vec<_> = log.lines().filter(|line| !line.is_empty()).collect();
        let last = lines[lines.len().saturating_sub(5)..].join("; ");
        (!last.is_empty()).then_some(last)
    }
}

fn cannot_start(why: String) -> CliError {
    CliError::new(Exit::Failed, "embedded_failed", "the embedded service cannot be started")
        .why(why)
        .next("taskward config check")
}

/// The service reads the same configuration, besides its port, and its database unless that is a PostgreSQL one.
fn serve(context: &Context, config: &Config, directory: &Path, port: u16) -> std::io::Result<Child> {
    let log = File::create(directory.join("serve.log"))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve");
    if let Some(config_dir) = &context.config_dir {
        command.arg("--config-dir").arg(config_dir);
    }
    command
        .env("TASKWARD__SERVER__HOST", "127.0.0.1")
        .env("TASKWARD__SERVER__PORT", port.to_string())
        .env("TASKWARD__SERVER__DRAIN_NOTICE", "0s")
        .env("LOG_LEVEL", "WARNING")
        .env_remove("TASKWARD_URL");
    if !is_postgres(config) {
        for name in ["API_KEY", "API_KEY_FILE", "DATABASE_URL_FILE", "CREDENTIALS_DIRECTORY"] {
            command.env_remove(name);
        }
        let database = directory.join("taskward.db");
        command.env("APP_ENV", "dev").env("DATABASE_URL", format!("sqlite:{}", database.display()));
    }
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Ctrl-C is for this process, which still needs the service then.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

fn is_postgres(config: &Config) -> bool {
    matches!(config.database.target(), DatabaseTarget::Postgres(url) if !url.expose_secret().is_empty())
}

/// A directory that nobody else can look into.
fn make_directory() -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let path = std::env::temp_dir().join(format!("taskward-bench-{:016x}", fastrand::u64(..)));
    fs::DirBuilder::new().mode(0o700).create(&path)?;
    Ok(path)
}

fn remove(directory: &Path) {
    if let Err(error) = fs::remove_dir_all(directory) {
        tracing::warn!(%error, directory = %directory.display(), "a temporary directory is left behind");
    }
}

/// A port that was free just now. Should another process take it first, the service says so and ends.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
