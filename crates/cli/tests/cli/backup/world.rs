//! A service on either database, a directory of backups, and one for scratch.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use taskward_testkit::postgres::TempPostgres;
use tempfile::TempDir;

use crate::support::{Run, Server, run};

pub(super) struct World {
    // Before the database, so that it has ended when that goes.
    pub(super) server: Server,
    pub(super) postgres: Option<TempPostgres>,
    pub(super) directory: TempDir,
    variables: BTreeMap<String, String>,
}

/// The databases, for tests that are the same on both.
pub(super) fn both(test: impl Fn(World)) {
    test(World::sqlite());
    test(World::postgres());
}

impl World {
    pub(super) fn sqlite() -> Self {
        Self::with(None, &[])
    }

    pub(super) fn postgres() -> Self {
        Self::with(Some(TempPostgres::start_without_fsync()), &[])
    }

    pub(super) fn with(postgres: Option<TempPostgres>, more: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name).display().to_string();
        let mut variables: BTreeMap<String, String> = BTreeMap::new();
        fs::create_dir(path("data")).expect("a directory");
        let url = match &postgres {
            // The password is planted: the server asks for none.
            Some(postgres) => postgres.create_database().replace("taskward@", "taskward:planted-password@"),
            None => format!("sqlite:{}", path("data/taskward.db")),
        };
        variables.insert("DATABASE_URL".to_owned(), url);
        variables.insert("TASKWARD__BACKUP__DIR".to_owned(), path("backups"));
        variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let borrowed: Vec<_> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let server = Server::start_with(&borrowed);
        Self { server, postgres, directory, variables }
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    /// PostgreSQL's version.
    pub(super) fn version(&self) -> String {
        let postgres = self.postgres.as_ref().expect("a server");
        postgres.execute("postgres", "SHOW server_version").split_whitespace().next().expect("one").to_owned()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn backups(&self) -> PathBuf {
        PathBuf::from(&self.variables["TASKWARD__BACKUP__DIR"])
    }

    pub(super) fn command(&self, words: &str) -> Command {
        let mut command = self.server.command(words.split_whitespace());
        command.envs(&self.variables);
        command
    }

    /// Runs a command that must end like this.
    #[track_caller]
    pub(super) fn cli(&self, words: &str, code: i32) -> Run {
        let ended = run(&mut self.command(words)).exits(code);
        assert!(!format!("{ended:?}").contains("planted"), "{ended:?}");
        ended
    }

    #[track_caller]
    pub(super) fn json(&self, words: &str) -> Value {
        self.cli(&format!("{words} -o json"), 0).json()
    }

    /// Makes a backup, and says its id.
    #[track_caller]
    pub(super) fn backup(&self, more: &str) -> String {
        let made = self.json(&format!("backup create {more}"));
        made["manifest"]["id"].as_str().expect("an id").to_owned()
    }

    /// What `restore run` needs beside the id, to restore to where the database is.
    pub(super) fn target(&self) -> String {
        match &self.postgres {
            Some(postgres) => format!("--target {}", postgres.data_directory().display()),
            None => String::new(),
        }
    }

    /// Stops the service, and the database where that is a process.
    pub(super) fn stop(&mut self) {
        self.server.stop();
        if let Some(postgres) = &mut self.postgres {
            postgres.stop_immediate();
        }
    }

    /// Starts both again.
    pub(super) fn start(&mut self) {
        if let Some(postgres) = &mut self.postgres {
            postgres.restart();
        }
        self.server.restart();
    }

    /// A call to the service: status and body.
    #[track_caller]
    pub(super) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.try_post(path, body).expect("an answer")
    }

    /// The same to a service that may be gone.
    pub(super) fn try_post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let address = self.server.url().trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(&address).ok()?;
        let body = body.to_string();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.get(9..12)?.parse().ok()?;
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        Some((status, serde_json::from_str(body).unwrap_or_default()))
    }

    /// How far the archive of the log is behind, in seconds, as `/metrics` has it.
    pub(super) fn lag(&self) -> f64 {
        let mut command = Command::new("curl");
        command.args(["--silent", "--fail", "--noproxy", "*"]).arg(format!("{}/metrics", self.server.url()));
        let metrics = run(&mut command).exits(0).stdout;
        let lag = metrics.lines().find_map(|line| line.strip_prefix("taskward_backup_wal_lag_seconds "));
        lag.and_then(|lag| lag.parse().ok()).unwrap_or_else(|| panic!("no lag in {metrics}"))
    }

    /// Claims a task of queue `q`: its id and its token.
    #[track_caller]
    pub(super) fn claim(&self) -> (String, String) {
        let body = json!({"worker_id": "w", "queues": ["q"], "max": 1, "wait": "20s", "lease": "1h"});
        let (status, answer) = self.post("/api/v1/claim", &body);
        assert_eq!(status, 200, "{answer}");
        let text = |name: &str| answer["tasks"][0][name].as_str().expect(name).to_owned();
        (text("id"), text("lease_token"))
    }

    /// Reports a task as completed; the status of the answer.
    pub(super) fn complete(&self, id: &str, token: &str) -> u16 {
        self.post(&format!("/api/v1/tasks/{id}/complete"), &json!({"lease_token": token})).0
    }
}

/// Names and contents of all files below a directory.
pub(super) fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).expect("read"));
        }
    }
    found
}

/// A directory with a program that says it is of PostgreSQL `version`, and does `script` otherwise.
pub(super) fn pretended(directory: &Path, program: &str, version: &str, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;

    fs::create_dir_all(directory).expect("a directory");
    let path = directory.join(program);
    let text = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo '{program} (PostgreSQL) {version}'; exit; fi\n{script}\n"
    );
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
    directory.to_owned()
}
