//! Servers on a database of their own, in the test's process.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use taskward_core::Limits;
use taskward_core::LogLevel;
use taskward_server::alerts::AlertSettings;
use taskward_server::telemetry::log::{LogControl, level_filter};
use taskward_server::telemetry::metrics::{self, Directories, Recorder};
use taskward_server::{DrainTimedOut, Server, Settings};
use taskward_store::{Store, StoreOptions};
use taskward_testkit::postgres::TempPostgres;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::client::{HttpClient, new_client};
use super::faults::FaultyStore;
use super::{Faults, within};

/// The databases every test runs on.
#[derive(Clone)]
pub(crate) enum Backend {
    Sqlite,
    /// This database.
    At(String),
    /// A database of its own on this server.
    Postgres(Arc<TempPostgres>),
}

/// A fresh database, removed when dropped.
enum Database {
    Sqlite(TempDir),
    Postgres(String),
}

/// A running server and a client of it.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) client: HttpClient,
    /// What its store does besides working.
    pub(crate) faults: Faults,
    settings: Settings,
    stop: Option<oneshot::Sender<()>>,
    run: JoinHandle<Result<(), DrainTimedOut>>,
    database: Arc<Database>,
}

impl Backend {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::At(_) | Self::Postgres(_) => "postgres",
        }
    }

    /// A server with the settings of [`settings`].
    pub(crate) async fn serve(&self) -> TestServer {
        self.serve_with(|_| {}).await
    }

    /// A server with other settings.
    pub(crate) async fn serve_with(&self, change: impl FnOnce(&mut Settings)) -> TestServer {
        let database = match self {
            Self::Sqlite => Database::Sqlite(tempfile::tempdir().expect("a directory")),
            Self::At(url) => Database::Postgres(url.clone()),
            Self::Postgres(server) => Database::Postgres(server.create_database()),
        };
        let mut settings = settings();
        change(&mut settings);
        start(Arc::new(database), settings).await
    }
}

impl Database {
    fn url(&self) -> String {
        match self {
            Self::Sqlite(directory) => format!("sqlite:{}", directory.path().join("test.db").display()),
            Self::Postgres(url) => url.clone(),
        }
    }
}

impl TestServer {
    /// Another instance on the same database.
    pub(crate) async fn another(&self) -> Self {
        let settings = Settings { instance: "two".to_owned(), ..self.settings.clone() };
        start(Arc::clone(&self.database), settings).await
    }

    /// The same server again, after this one has drained.
    pub(crate) async fn restart(mut self) -> Self {
        if self.stop.is_some() {
            self.begin_drain();
        }
        let (database, settings) = (Arc::clone(&self.database), self.settings.clone());
        self.ended().await.expect("drained");
        start(database, settings).await
    }

    /// Tells the server to stop, as SIGTERM does.
    pub(crate) fn begin_drain(&mut self) {
        self.stop.take().expect("not stopped yet").send(()).expect("still running");
    }

    /// How `Server::run` ended.
    pub(crate) async fn ended(self) -> Result<(), DrainTimedOut> {
        within("the server's end", self.run).await.expect("no panic")
    }
}

async fn start(database: Arc<Database>, settings: Settings) -> TestServer {
    let options = StoreOptions { limits: settings.limits.clone(), pool_size: 4, ..StoreOptions::default() };
    let store = taskward_store::open(&database.url(), options).await.expect("the database opens");
    store.migrate_up(None).await.expect("migrated");
    let faults = Faults::default();
    let store: Arc<dyn Store> = Arc::new(FaultyStore { inner: store, faults: faults.clone() });
    let listener = Server::bind(&settings).await.expect("a free port");
    // A process has one log, too, and here it is nobody's.
    let log = LogControl::detached(level_filter(LogLevel::Info));
    let server = Server::start(listener, store, settings.clone(), recorder(), log, None);
    let address = server.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let run = tokio::spawn(server.run(async {
        if stopped.await.is_err() {
            // The test has ended without a drain.
            std::future::pending::<()>().await;
        }
    }));
    TestServer { address, client: new_client(), faults, settings, stop: Some(stop), run, database }
}

/// Whoever waits hears of news, or waits in vain.
pub(crate) fn never_polls(settings: &mut Settings) {
    settings.poll = Duration::from_secs(3600);
}

fn settings() -> Settings {
    Settings {
        env: "dev".to_owned(),
        instance: "one".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: 0,
        api_key: None,
        key_age: Some(Duration::from_secs(24 * 3600)),
        drain_timeout: Duration::from_secs(20),
        drain_notice: Duration::ZERO,
        request_timeout: Duration::from_secs(20),
        connections_max: 1_000,
        limits: Limits::default(),
        retention: Duration::from_secs(3600),
        poll: Duration::from_secs(1),
        pending_tasks_max: 50_000,
        pending_bytes_max: 256 * 1024 * 1024,
        alerts: AlertSettings::default(),
        state_dir: std::env::temp_dir().join("taskward-no-state"),
        metrics: true,
        directories: Directories { data: Some(std::env::temp_dir()), log: None },
        configuration: Arc::new([]),
    }
}

/// A process has one recorder, and with `cargo test` many tests.
fn recorder() -> Recorder {
    static RECORDER: OnceLock<Recorder> = OnceLock::new();
    RECORDER.get_or_init(|| metrics::install().expect("the process's only recorder")).clone()
}
