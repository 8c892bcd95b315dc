//! A standby's URL has a password too: while the server is there, away, and both are.

use std::time::Duration;

use rustix::process::Signal;
use taskward_testkit::postgres::TempPostgres;

use super::data::{show, written};
use super::{PASSWORD_IN_URL, REPLICA_PASSWORD, Said, run};
use crate::support::{Connection, Service, eventually};

const LIMIT: Duration = Duration::from_secs(30);
const REPLICA: &str = "TASKWARD__DATABASE__REPLICA_URL";

#[tokio::test]
async fn secrets_stay_secret_replica() {
    for format in ["human", "json"] {
        session(format).await;
    }
}

async fn session(format: &str) {
    let mut primary = TempPostgres::start_without_fsync();
    let mut standby = primary.start_standby();
    let url = primary.create_database();
    let database = url.rsplit('/').next().expect("a name").to_owned();
    let with = |url: &str, password: &str| url.replace("taskward@", &format!("taskward:{password}@"));
    let backups = tempfile::tempdir().expect("a directory of backups");
    let mut service = Service::at(&with(&url, PASSWORD_IN_URL))
        .with(REPLICA, &with(&standby.url(&database), REPLICA_PASSWORD))
        .with("LOG_LEVEL", "TRACE")
        .with("TASKWARD__BACKUP__DIR", &backups.path().display().to_string())
        .with("TASKWARD__LOGGING__FORMAT", format);
    let mut said = Said::default();
    service.start_ready().await;

    commands(&service, &ALL, Some(0), &mut said).await;
    commands(&service, &[&show(backups.path())], Some(0), &mut said).await;
    commands(&service, &["backup check"], None, &mut said).await;
    written(backups.path(), &mut said);

    // The standby answers reads, and then nobody does.
    primary.stop_immediate();
    eventually("the service is read-only", LIMIT, async || {
        (get(&service, "/health", &mut said).await.contains("read_only")).then_some(())
    })
    .await;
    assert!(get(&service, "/api/v1/tasks", &mut said).await.contains("status: 200"), "{}", said.last());
    commands(&service, &FAILING, None, &mut said).await;
    standby.stop_immediate();
    eventually("reads fail", LIMIT, async || {
        get(&service, "/api/v1/tasks", &mut said).await.contains("database_unavailable").then_some(())
    })
    .await;
    commands(&service, &FAILING, None, &mut said).await;
    service.signal(Signal::TERM);
    service.exit_code(LIMIT).await;
    bad_urls(&service, &mut said).await;

    said.add("the log", service.printed());
    said.check(&format!("secrets_replica_{format}"));
}

const ALL: [&str; 13] = [
    "config show --origin",
    "config check",
    "config explain database.replica_url",
    "migrate status",
    "health ready",
    "enqueue k",
    "task list",
    "db check",
    "backup create",
    "backup list",
    "backup verify --latest",
    "drill restore --latest",
    "restore run --latest --preview",
];

/// What cannot do its work while the server is away.
const FAILING: [&str; 8] = [
    "config show",
    "health ready",
    "enqueue k",
    "task list",
    "migrate status",
    "db check",
    "backup create",
    "backup check",
];

/// Runs commands, in both formats; they must end like this, where it is known how.
async fn commands(service: &Service, commands: &[&str], code: Option<i32>, said: &mut Said) {
    let mut env = service.env.clone();
    env.insert("TASKWARD_URL".to_owned(), service.url());
    for command in commands {
        for format in ["text", "json"] {
            let args: Vec<&str> = ["-o", format].into_iter().chain(command.split(' ')).collect();
            let ended = run(service, &env, &args, said).await;
            assert!(code.is_none_or(|code| code == ended), "{command} ended with {ended}: {}", said.last());
        }
    }
}

async fn get(service: &Service, path: &str, said: &mut Said) -> String {
    let mut connection = Connection::open(service.port).await.expect("the service runs");
    let answer = connection.call("GET", path, None).await.expect("an answer");
    said.add(format!("GET {path}"), format!("{answer:?}"));
    said.last().to_owned()
}

/// URLs of a standby that cannot be, each with its password.
async fn bad_urls(service: &Service, said: &mut Said) {
    for url in [
        format!("postgres://taskward:{REPLICA_PASSWORD}@[::1/tasks"),
        format!("taskward:{REPLICA_PASSWORD}@127.0.0.1/tasks"),
        format!("postgres://taskward:{REPLICA_PASSWORD}%@127.0.0.1/tasks"),
        format!("postgres://taskward:{REPLICA_PASSWORD}@127.0.0.1:no/tasks"),
        format!("mysql://taskward:{REPLICA_PASSWORD}@127.0.0.1/tasks"),
    ] {
        let mut env = service.env.clone();
        env.insert(REPLICA.to_owned(), url);
        for words in
            ["serve", "serve -o json", "config check", "config show", "backup create", "migrate status"]
        {
            let args: Vec<&str> = words.split(' ').collect();
            let code = run(service, &env, &args, said).await;
            assert!(code != 0 || args[0] == "config", "{words} has to refuse this: {}", said.last());
        }
    }
}
