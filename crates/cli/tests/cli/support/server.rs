//! A service of the test's own, on a free port, with an embedded database in a directory of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::{Run, run, taskward};

/// A running service. It is killed when the test ends.
pub(crate) struct Server {
    child: Child,
    directory: TempDir,
    port: u16,
    variables: Vec<(String, String)>,
}

impl Server {
    /// Starts it, and waits until it is ready.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts it with more of a configuration.
    pub(crate) fn start_with(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let port = free_port();
        let child = serve(directory.path(), port, variables.iter().copied());
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let server = Self { child, directory, port, variables };
        server.must_be_ready();
        server
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A file in the test's own directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        super::signal(self.pid(), name);
    }

    /// Stops it as a service manager does: what it had to say is written then.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        assert!(self.child.wait().expect("ended").success());
    }

    /// Kills it, as a crash would.
    pub(crate) fn crash(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Starts it again, on the same port and database, and with the same configuration.
    pub(crate) fn restart(&mut self) {
        let variables = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.child = serve(self.directory.path(), self.port, variables);
        self.must_be_ready();
    }

    #[track_caller]
    fn must_be_ready(&self) {
        let asked = self.cli(["health", "ready", "--wait", "30s"]);
        let log = std::fs::read_to_string(self.path("serve.log")).unwrap_or_default();
        assert_eq!(asked.code, Some(0), "{asked:#?}\n{log}");
    }

    /// A command that reaches this service.
    pub(crate) fn command<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = taskward();
        command.args(words).env("TASKWARD_URL", self.url()).current_dir(self.directory.path());
        command
    }

    /// Runs a command against this service.
    pub(crate) fn cli<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Run {
        run(&mut self.command(words))
    }

    /// Runs a command that must succeed, and reads its document.
    #[track_caller]
    pub(crate) fn json<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Value {
        run(self.command(words).args(["-o", "json"])).exits(0).json()
    }

    /// Creates a task in queue `q` and says its id.
    #[track_caller]
    pub(crate) fn enqueue(&self, more: &[&str]) -> String {
        let words = ["enqueue", "k", "--queue", "q"].into_iter().chain(more.iter().copied());
        self.cli(words).exits(0).stdout.trim().to_owned()
    }

    /// A task as it is now.
    #[track_caller]
    pub(crate) fn task(&self, id: &str) -> Value {
        self.json(["task", "get", id])
    }

    /// A worker of queue `q` that runs a shell script.
    pub(crate) fn worker(&self, flags: &[&str], script: &str) -> Command {
        let words = ["worker", "--queue", "q"].into_iter().chain(flags.iter().copied());
        self.command(words.chain(["--", "sh", "-c", script]))
    }

    /// Runs the tasks of queue `q` through a shell script until none is unfinished.
    #[track_caller]
    pub(crate) fn work(&self, script: &str) -> Run {
        run(&mut self.worker(&["--until-empty"], script)).exits(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been crashed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free just now. Another process may take it first; the service then fails to start, and the
/// test says so.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

fn serve<'a>(directory: &Path, port: u16, variables: impl Iterator<Item = (&'a str, &'a str)>) -> Child {
    let log = File::options().create(true).append(true).open(directory.join("serve.log")).expect("a log");
    taskward()
        .arg("serve")
        .current_dir(directory)
        .env("DATABASE_URL", format!("sqlite:{}", directory.join("taskward.db").display()))
        .env("TASKWARD__SERVER__PORT", port.to_string())
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(Stdio::inherit())
        .spawn()
        .expect("started")
}
