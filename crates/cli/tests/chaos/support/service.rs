//! `taskward serve` on a port and a database that stay the same over restarts.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use taskward_client::{Client, ClientOptions, RetryPolicy};
use tempfile::TempDir;

use super::process::Output;
use super::{Connection, Database, Process, eventually};

/// How long a start may take on a machine that is busy with something else.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A service that can be started, killed and started again.
pub(crate) struct Service {
    pub(crate) port: u16,
    pub(crate) env: BTreeMap<String, String>,
    // Declared before `dir`, where its output is: a process shows it when its test fails.
    process: Option<Process>,
    dir: TempDir,
}

impl Service {
    /// An instance on `database`, not started yet.
    pub(crate) fn new(database: &Database) -> Self {
        Self::at(&database.url())
    }

    /// An instance on the database at this URL, not started yet.
    pub(crate) fn at(url: &str) -> Self {
        let dir = TempDir::with_prefix("taskward-chaos-").expect("a temporary directory");
        let config = dir.path().join("config");
        std::fs::create_dir(&config).expect("a directory for the configuration");
        let port = free_port();
        let env = [
            ("APP_ENV", "dev".to_owned()),
            ("DATABASE_URL", url.to_owned()),
            ("TASKWARD__SERVER__STATE_DIR", dir.path().display().to_string()),
            ("TASKWARD_CONFIG_DIR", config.display().to_string()),
            ("TASKWARD__SERVER__PORT", port.to_string()),
            ("TASKWARD__APP__INSTANCE", format!("instance-{port}")),
            ("TASKWARD__SERVER__DRAIN_NOTICE", "0s".to_owned()),
            // A machine that is busy with something else is not what these tests are about.
            ("TASKWARD__DATABASE__STATEMENT_TIMEOUT", "30s".to_owned()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        Self { port, env, dir, process: None }
    }

    /// With a variable in its environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Starts it, and does not wait.
    pub(crate) fn start(&mut self) {
        assert!(self.process.is_none(), "the service runs already");
        self.process = Some(Process::start(&["serve"], &self.env, &self.output()));
    }

    /// Starts it, and waits until it says that it is ready; returns how long that took.
    pub(crate) async fn start_ready(&mut self) -> Duration {
        let began = Instant::now();
        self.start();
        self.ready().await;
        began.elapsed()
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn ready(&mut self) {
        let port = self.port;
        let process = self.process.as_mut().expect("the service was started");
        eventually(format!("the service on {port} is ready"), START_LIMIT, async || {
            assert!(process.is_running(), "the service ended instead of becoming ready");
            let mut connection = Connection::open(port).await.ok()?;
            let answer = connection.call("GET", "/health/ready", None).await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
    }

    pub(crate) async fn kill9(&mut self) {
        self.process.take().expect("the service runs").kill9().await;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.as_ref().expect("the service runs").signal(signal);
    }

    /// How it ended by itself.
    pub(crate) async fn exit_code(&mut self, limit: Duration) -> i32 {
        self.process.take().expect("the service runs").exit_code(limit).await
    }

    /// Stops it as a service manager does, and expects that to go well.
    pub(crate) async fn stop(&mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.exit_code(Duration::from_secs(35)).await, 0, "a stop ends with 0");
    }

    /// Expects everything that is stored to be what it should be.
    pub(crate) async fn check_database(&self) {
        let output = Output::new(self.dir.path(), "check");
        let mut check = Process::start(&["db", "check", "--timeout", "5m"], &self.env, &output);
        assert_eq!(check.exit_code(Duration::from_secs(300)).await, 0, "{}", output.text());
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A client that sends every request once: the tests repeat calls themselves.
    pub(crate) fn client(&self) -> Client {
        let options = ClientOptions {
            request_timeout: Duration::from_secs(10),
            retry: RetryPolicy::never(),
            ..ClientOptions::default()
        };
        Client::with_options(&self.url(), None, options).expect("a client")
    }

    pub(crate) fn output(&self) -> Output {
        Output::new(self.dir.path(), "serve")
    }

    /// Where load on it writes.
    pub(crate) fn load_output(&self) -> Output {
        Output::new(self.dir.path(), "bench")
    }

    /// What it has printed so far, over all its starts.
    pub(crate) fn printed(&self) -> String {
        self.output().text()
    }

    /// A directory that lives as long as this value.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The directory of its configuration files.
    pub(crate) fn config_dir(&self) -> PathBuf {
        self.dir.path().join("config")
    }
}

/// A port that is free now, and that no client is given: while a service is down, a client that connects to
/// a port from the ephemeral range can be connected to itself, and then the service cannot have it back.
fn free_port() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let ephemeral = range.split_whitespace().next().and_then(|low| low.parse().ok()).unwrap_or(32_768);
    let low = 10_000.min(ephemeral - 1);
    std::iter::repeat_with(|| fastrand::u16(low..ephemeral))
        .take(1_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}
