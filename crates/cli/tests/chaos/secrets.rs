//! A planted secret never appears in what a full session prints, logs or answers.

use std::collections::BTreeMap;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::process::Output;
use crate::support::{Connection, Database, Process, Service, eventually};

const KEY: &str = "planted-api-key-0123456789";
/// The key's file holds this one at the reload.
const NEXT_KEY: &str = "planted-next-key-987654321";
/// What a client sends that has another service's key.
const FOREIGN_KEY: &str = "planted-foreign-key-55555";
const PASSWORD: &str = "planted/db+password";
const PASSWORD_IN_URL: &str = "planted%2Fdb%2Bpassword";
const REDIS_PASSWORD: &str = "planted-redis-password";
const PLANTED: [&str; 6] = [KEY, NEXT_KEY, FOREIGN_KEY, PASSWORD, PASSWORD_IN_URL, REDIS_PASSWORD];

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

    fn check(&self, title: &str) {
        let bytes: usize = self.0.iter().map(|(_, text)| text.len()).sum();
        for (by, text) in &self.0 {
            for secret in PLANTED {
                let line = text.lines().find(|line| line.contains(secret));
                assert!(line.is_none(), "{title}: {by} says a secret: {}", line.unwrap_or_default());
            }
        }
        eprintln!("{title}: {} outputs, {bytes} bytes, no secret", self.0.len());
    }
}

async fn full_session(database: &Database, format: &str) {
    let title = format!("secrets_{}_{format}", database.name());
    let plain = Service::new(database);
    let backups = tempfile::tempdir().expect("a directory of backups");
    let key_file = plain.dir().join("api_key");
    write_secret(&key_file, KEY);
    let url = database.url().replace("taskward@", &format!("taskward:{PASSWORD_IN_URL}@"));
    let mut service = plain
        .with("DATABASE_URL", &url)
        .with("API_KEY_FILE", &key_file.display().to_string())
        .with("REDIS_URL", &format!("redis://:{REDIS_PASSWORD}@127.0.0.1:1/0"))
        .with("LOG_LEVEL", "TRACE")
        .with("TASKWARD__BACKUP__DIR", &backups.path().display().to_string())
        .with("TASKWARD__LOGGING__FORMAT", format);
    let mut said = Said::default();
    service.start_ready().await;

    requests(&service, &mut said).await;
    commands(&service, &mut said).await;
    data_commands(&service, format, &mut said).await;
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

/// Every kind of request, with the right key, a wrong one, none, and the key in wrong places.
async fn requests(service: &Service, said: &mut Said) {
    let bearer = |key: &str| format!("Bearer {key}");
    let headers = [
        ("authorization", bearer(KEY)),
        ("authorization", bearer(FOREIGN_KEY)),
        ("authorization", format!("Basic {KEY}")),
        ("x-api-key", KEY.to_owned()),
    ];
    let task = r#"{"kind":"k","queue":"claimed","payload":{"a":1}}"#;
    let stale = "/api/v1/tasks/0190b0a0-0000-7000-8000-000000000000/complete";
    let keyed = format!("/api/v1/tasks?api_key={KEY}");
    for (name, value) in headers {
        let open = Connection::open(service.port).await.expect("a connection");
        let mut connection = open.header(name, &value);
        for (method, path, body) in [
            ("GET", "/health", None),
            ("GET", "/health/live", None),
            ("GET", "/health/ready", None),
            ("GET", "/metrics", None),
            ("GET", "/api/openapi.json", None),
            ("GET", "/api/test", None),
            ("POST", "/api/v1/tasks", Some(task)),
            ("POST", "/api/v1/tasks", Some("{\"kind\":")),
            ("POST", "/api/v1/tasks", Some(r#"{"kind":"","priority":99}"#)),
            ("POST", "/api/v1/tasks/batch", Some(r#"{"tasks":[{"kind":"k"},{"kin":1}]}"#)),
            ("POST", "/api/v1/claim", Some(r#"{"worker_id":"w","queues":["claimed"]}"#)),
            ("POST", stale, Some(r#"{"lease_token":"1"}"#)),
            ("GET", "/api/v1/tasks", None),
            ("GET", &keyed, None),
            ("GET", "/api/v1/queues", None),
            ("GET", "/api/v1/workers", None),
            ("DELETE", "/api/v1/tasks", None),
            ("GET", "/no/such/path", None),
        ] {
            let answer = connection.call(method, path, body).await.expect("an answer");
            said.add(format!("{method} {path} with {name}"), format!("{answer:?}"));
        }
    }
    let allowed = Connection::open(service.port).await.expect("a connection");
    let answer = allowed.header("authorization", &bearer(KEY)).call("GET", "/api/test", None).await;
    assert_eq!(answer.expect("an answer").status, 200, "the key works");
}

/// What the command line prints about the service and its configuration.
async fn commands(service: &Service, said: &mut Said) {
    let mut env = service.env.clone();
    env.insert("TASKWARD_URL".to_owned(), service.url());
    for key in [KEY, FOREIGN_KEY] {
        env.remove("API_KEY_FILE");
        env.insert("API_KEY".to_owned(), key.to_owned());
        for command in [
            "config show --origin",
            "config check",
            "config explain server.api_key",
            "config explain database.url",
            "migrate status",
            "health ready",
            "enqueue k --queue s --payload {}",
            "task list",
            "queue list",
            "worker --queue s --until-empty -- true",
            "version",
        ] {
            for format in ["text", "json"] {
                let args: Vec<&str> = ["-o", format].into_iter().chain(command.split(' ')).collect();
                run(service, &env, &args, said).await;
            }
        }
    }
}

/// What the commands print that copy the database, look into it, move it and bring it back. Those without a code end in
/// their own way on each database.
async fn data_commands(service: &Service, format: &str, said: &mut Said) {
    let mut env = service.env.clone();
    env.insert("TASKWARD_URL".to_owned(), service.url());
    let elsewhere = service.dir().join("elsewhere.url");
    write_secret(&elsewhere, &format!("postgres://taskward:{PASSWORD_IN_URL}@127.0.0.1:1/tasks"));
    let moving = format!("db move --to @{}", elsewhere.display());
    // As root, a restored server is another user's.
    std::fs::set_permissions(service.dir(), std::fs::Permissions::from_mode(0o755)).expect("its mode");
    let restored = service.dir().join("restored");
    let restore = format!("restore run --latest --target {} --yes", restored.display());
    let cases: [(&str, Option<i32>); 27] = [
        ("backup create --dry-run", Some(0)),
        ("backup create --label l", Some(0)),
        ("backup list", Some(0)),
        ("backup verify --latest", Some(0)),
        ("backup prune --dry-run", Some(0)),
        ("backup schedule", Some(0)),
        ("drill restore --latest", Some(0)),
        ("drill history", Some(0)),
        ("backup check", Some(0)),
        ("restore list-points", None),
        ("restore pitr --to 2020-01-01T00:00:00Z --yes", None),
        ("restore run --latest --preview", None),
        (&restore, Some(0)),
        ("restore report", None),
        ("backup create --format dump", Some(0)),
        ("migrate plan --to 0", Some(0)),
        ("migrate up", Some(0)),
        ("migrate down --to 0 --dry-run", Some(0)),
        ("migrate down --to 0 --yes", Some(5)),
        ("db check", Some(0)),
        (&moving, None),
        ("db move --to sqlite:moved.db --dry-run", None),
        ("maintenance status", Some(0)),
        ("maintenance on --mode read-only --reason r", Some(0)),
        ("maintenance off", Some(0)),
        ("backup create --format", Some(2)),
        ("doctor disk", None),
    ];
    for (command, code) in cases {
        let shown = if format == "json" { "json" } else { "text" };
        let args: Vec<&str> = ["-o", shown].into_iter().chain(command.split(' ')).collect();
        let ended = run(service, &env, &args, said).await;
        assert!(code.is_none_or(|code| code == ended), "{command} ended with {ended}");
    }
}

/// Everything that backups have written: manifests, records, and what is in the archives.
fn written(directory: &Path, said: &mut Said) {
    for entry in std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        if path.is_dir() {
            written(&path, said);
            continue;
        }
        let is_packed = path.extension().is_some_and(|ending| ending == "gz");
        let bytes = if is_packed {
            let unpacked = std::process::Command::new("gzip").arg("-dc").arg(&path).output().expect("gzip");
            assert!(unpacked.status.success(), "{}", path.display());
            unpacked.stdout
        } else {
            std::fs::read(&path).expect("read")
        };
        said.add(path.display().to_string(), String::from_utf8_lossy(&bytes));
    }
}

/// Configurations that cannot work, each with a secret in it.
async fn failing_starts(service: &Service, said: &mut Said) {
    let nobody = format!("postgres://taskward:{PASSWORD_IN_URL}@127.0.0.1:1/tasks");
    let malformed = format!("postgres://taskward:{PASSWORD_IN_URL}@[::1/tasks");
    let no_scheme = format!("taskward:{PASSWORD_IN_URL}@127.0.0.1/tasks");
    let bare_percent = "postgres://taskward:planted/db+password%@127.0.0.1/tasks";
    let two_words = format!("{KEY} {NEXT_KEY}");
    for (name, value) in [
        ("DATABASE_URL", nobody.as_str()),
        ("DATABASE_URL", &malformed),
        ("DATABASE_URL", &no_scheme),
        ("DATABASE_URL", bare_percent),
        ("API_KEY", &two_words),
        ("REDIS_URL", REDIS_PASSWORD),
        ("TASKWARD__DATABASE__URL", &no_scheme),
        ("TASKWARD__SERVER__API_KEY", &two_words),
    ] {
        let mut env = service.env.clone();
        // What would win over the variable under test.
        env.remove(if name.contains("KEY") { "API_KEY_FILE" } else { "DATABASE_URL" });
        env.insert(name.to_owned(), value.to_owned());
        for args in [&["serve"][..], &["serve", "-o", "json"], &["config", "check"], &["migrate", "status"]] {
            let code = run(service, &env, args, said).await;
            let harmless = args[0] != "serve";
            assert!(code != 0 || harmless, "{name}: serve has to refuse this");
        }
    }
}

async fn run(service: &Service, env: &BTreeMap<String, String>, args: &[&str], said: &mut Said) -> i32 {
    let output = Output::new(service.dir(), &format!("command-{}", said.0.len()));
    let code = Process::start(args, env, &output).exit_code(EXIT_LIMIT).await;
    said.add(args.join(" "), output.text());
    code
}
