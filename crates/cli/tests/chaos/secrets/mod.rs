//! A planted secret never appears in what a full session prints, logs or answers.

mod data;
mod programs;
mod replica;
mod repository;
mod session;

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::process::Output;
use crate::support::{Database, Process, Service, eventually};

use data::{data_commands, log_commands, written};
use programs::Programs;
use session::{commands, failing_starts, requests};

const KEY: &str = "planted-api-key-0123456789";
/// The key's file holds this one at the reload.
const NEXT_KEY: &str = "planted-next-key-987654321";
/// What a client sends that has another service's key.
const FOREIGN_KEY: &str = "planted-foreign-key-55555";
const PASSWORD: &str = "planted/db+password";
const PASSWORD_IN_URL: &str = "planted%2Fdb%2Bpassword";
const REDIS_PASSWORD: &str = "planted-redis-password";
/// That of a standby, for reads.
const REPLICA_PASSWORD: &str = "planted-replica-password";
/// That of a repository of pgBackRest.
const CIPHER_PASSPHRASE: &str = "planted-cipher-passphrase";
/// What somebody takes for that.
const WRONG_PASSPHRASE: &str = "planted-wrong-passphrase";
const PLANTED: [&str; 9] = [
    KEY,
    NEXT_KEY,
    FOREIGN_KEY,
    PASSWORD,
    PASSWORD_IN_URL,
    REDIS_PASSWORD,
    REPLICA_PASSWORD,
    CIPHER_PASSPHRASE,
    WRONG_PASSPHRASE,
];

const EXIT_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn secrets_stay_secret_sqlite() {
    full_session(&Database::sqlite(), "human").await;
    full_session(&Database::sqlite(), "json").await;
}

#[tokio::test]
async fn secrets_stay_secret_postgres() {
    full_session(&Database::postgres(), "human").await;
    full_session(&Database::postgres(), "json").await;
}

/// What was said, by whom.
#[derive(Default)]
struct Said(Vec<(String, String)>);

impl Said {
    fn add(&mut self, by: impl Into<String>, text: impl Into<String>) {
        self.0.push((by.into(), text.into()));
    }

    fn last(&self) -> &str {
        self.0.last().map_or("", |(_, text)| text)
    }

    fn has_no(&self, secret: &str) {
        for (by, text) in &self.0 {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{by} says a secret: {}", line.unwrap_or_default());
        }
    }

    fn check(&self, title: &str) {
        let bytes: usize = self.0.iter().map(|(_, text)| text.len()).sum();
        PLANTED.iter().for_each(|secret| self.has_no(secret));
        eprintln!("{title}: {} outputs, {bytes} bytes, no secret", self.0.len());
    }
}

async fn full_session(database: &Database, format: &str) {
    let title = format!("secrets_{}_{format}", database.name());
    let plain = Service::new(database);
    let backups = tempfile::tempdir().expect("a directory of backups");
    let key_file = plain.dir().join("api_key");
    write_secret(&key_file, KEY);
    let bin = plain.dir().join("programs");
    let programs = Programs::in_dir(&bin);
    if let Database::Postgres(server, _) = database {
        // Without a bound, a check fails.
        server.execute("postgres", "ALTER SYSTEM SET max_slot_wal_keep_size = '256MB'");
        server.execute("postgres", "SELECT pg_reload_conf()");
    }
    let url = database.url().replace("taskward@", &format!("taskward:{PASSWORD_IN_URL}@"));
    let mut service = plain
        .with("DATABASE_URL", &url)
        .with("API_KEY_FILE", &key_file.display().to_string())
        .with("REDIS_URL", &format!("redis://:{REDIS_PASSWORD}@127.0.0.1:1/0"))
        .with("LOG_LEVEL", "TRACE")
        .with("TASKWARD__BACKUP__DIR", &backups.path().display().to_string())
        .with("TASKWARD__BACKUP__WAL", "stream")
        .with("TASKWARD__BACKUP__PG_BIN", &bin.display().to_string())
        .with("TASKWARD__LOGGING__FORMAT", format);
    let mut said = Said::default();
    service.start_ready().await;

    requests(&service, &mut said).await;
    commands(&service, &mut said).await;
    data_commands(&service, database, format, &mut said).await;
    log_commands(&service, database, format, &mut said).await;
    programs.add(&mut said);
    if let Database::Postgres(..) = database {
        for program in ["pg_basebackup", "pg_receivewal", "pg_dump"] {
            assert!(programs.have_called(program), "{program} was called");
        }
    }
    written(backups.path(), &mut said);
    write_secret(&key_file, NEXT_KEY);
    service.signal(Signal::HUP);
    eventually("the reload is told", EXIT_LIMIT, async || {
        service.printed().contains("server.api_key").then_some(())
    })
    .await;
    service.stop().await;
    failing_starts(&service, &mut said).await;

    let log = service.printed();
    for part in ["taskward listens on", "DEBUG"] {
        assert!(log.contains(part), "{title}: {part:?} was not logged");
    }
    if format == "json" {
        let not_json = log.lines().find(|line| serde_json::from_str::<Value>(line).is_err());
        assert_eq!(not_json, None, "{title}: a line that is no JSON");
    }
    said.add("the log", log);
    said.check(&title);
}

fn write_secret(path: &Path, secret: &str) {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).expect("a file");
    file.write_all(secret.as_bytes()).expect("write the secret");
}

async fn run(service: &Service, env: &BTreeMap<String, String>, args: &[&str], said: &mut Said) -> i32 {
    let output = Output::new(service.dir(), &format!("command-{}", said.0.len()));
    let code = Process::start(args, env, &output).exit_code(EXIT_LIMIT).await;
    said.add(args.join(" "), output.text());
    code
}
