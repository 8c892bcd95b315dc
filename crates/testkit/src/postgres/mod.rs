//! A real PostgreSQL server for one test.
//!
//! Nextest runs every test in a process of its own, so a server that tests share would need somebody to
//! own it. Each test has its own instead, and that is cheap: `initdb` (1 s) runs once for a machine and
//! leaves a template behind in the temporary directory; a test copies it (29 MB, 60 ms), starts it
//! (100 ms) and throws it away. Measured from `start` to the first query: about 0.2 s.
//!
//! The server goes away with its [`TempPostgres`]; when the test's process is killed, the kernel stops it
//! (`setpriv --pdeathsig`), and the next start sweeps away the directory it left.

mod cluster;
mod commands;
mod repository;
mod server;

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub use repository::Repository;

use cluster::{ClusterDir, PATIENCE};
use server::Server;

/// The superuser of every test server; it needs no password.
const USER: &str = "taskward";

/// A running PostgreSQL server with its own data directory and port. Its methods panic with the reason
/// when something does not work: there is nothing a test could do about it.
pub struct TempPostgres {
    // Declared before `dir`, so that the server has ended when its directory is removed.
    server: Server,
    dir: ClusterDir,
    databases: AtomicU32,
}

impl TempPostgres {
    /// A durable server, as in production: `fsync` and `synchronous_commit` are on.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server that does not wait for the disk: for tests of behaviour, not of crashes.
    pub fn start_without_fsync() -> Self {
        Self::start_with(&[("fsync", "off"), ("full_page_writes", "off")])
    }

    /// A durable server with further settings, as in `postgresql.conf`.
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let dir = ClusterDir::from_template();
        dir.configure(settings);
        let server = Server::start(&dir);
        Self { server, dir, databases: AtomicU32::new(0) }
    }

    /// A server on a data directory that somebody else has made, such as a restored one. The directory is moved; its own
    /// settings are replaced by those of a test.
    pub fn adopt(data: &std::path::Path) -> Self {
        let dir = ClusterDir::adopting(data);
        dir.configure(&[("fsync", "off")]);
        let server = Server::start(&dir);
        Self { server, dir, databases: AtomicU32::new(0) }
    }

    /// A standby that follows this server by streaming replication. From now on a commit here returns only when it is
    /// on the standby's disk too: whoever promotes the standby loses nothing.
    pub fn start_standby(&self) -> Self {
        let dir = ClusterDir::following(self.port());
        let server = Server::start(&dir);
        self.execute("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.execute("postgres", "SELECT pg_reload_conf()");
        let in_sync = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        let give_up = Instant::now() + PATIENCE;
        while self.execute("postgres", in_sync).trim() != "1" {
            assert!(Instant::now() < give_up, "the standby does not follow:\n{}", dir.log());
            thread::sleep(Duration::from_millis(20));
        }
        Self { server, dir, databases: AtomicU32::new(0) }
    }

    /// Makes a standby a server that takes writes.
    pub fn promote(&self) {
        commands::run(
            commands::program_as_server("pg_ctl", false)
                .args(["promote", "--wait", "--pgdata"])
                .arg(self.dir.data()),
        );
    }

    /// The URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port())
    }

    /// The port it listens on, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Makes a fresh database and returns its URL.
    pub fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Runs SQL through `psql`, beside whatever the test itself is connected with, and returns what it
    /// printed: unaligned rows without headers.
    pub fn execute(&self, database: &str, sql: &str) -> String {
        commands::run(commands::program("psql").args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            &format!("--dbname={}", self.url(database)),
            &format!("--command={sql}"),
        ]))
    }

    /// Stops the server as an operator in a hurry does: connections are cut, nothing is written out, and
    /// the next start recovers from the log.
    pub fn stop_immediate(&mut self) {
        self.server.end(rustix::process::Signal::QUIT);
    }

    /// Kills the server with SIGKILL. Its children notice, and end too.
    pub fn kill9(&mut self) {
        self.server.end(rustix::process::Signal::KILL);
    }

    /// Starts the server again after it was stopped or killed, on the same port and data.
    pub fn restart(&mut self) {
        let port = self.port();
        self.server = Server::start_on(&self.dir, port);
    }

    /// The shell's words that run this server in the foreground, on its port and data: for scripts that stop it and start
    /// it as a service manager would.
    pub fn command_line(&self) -> String {
        let mut command = commands::program_as_server("postgres", false);
        command.arg("-D").arg(self.dir.data()).arg("-p").arg(self.port().to_string());
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| format!("'{}'", word.display())).collect::<Vec<_>>().join(" ")
    }

    /// Its data directory, which a test may replace while the server is stopped.
    pub fn data_directory(&self) -> std::path::PathBuf {
        self.dir.data()
    }

    /// What the server has written to its log.
    pub fn log(&self) -> String {
        self.dir.log()
    }
}
