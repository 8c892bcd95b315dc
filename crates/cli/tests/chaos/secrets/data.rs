//! Commands that copy the database and its log, look into them, move them and bring them back.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use super::{EXIT_LIMIT, PASSWORD_IN_URL, Said, run, write_secret};
use crate::support::process::Output;
use crate::support::{Database, Process, Service, eventually};

/// What the commands print that copy the database, look into it, move it and bring it back. Those without a code end in
/// their own way on each database.
pub(super) async fn data_commands(service: &Service, database: &Database, format: &str, said: &mut Said) {
    let elsewhere = service.dir().join("elsewhere.url");
    write_secret(&elsewhere, &format!("postgres://taskward:{PASSWORD_IN_URL}@127.0.0.1:1/tasks"));
    let moving = format!("db move --to @{}", elsewhere.display());
    // As root, a restored server is another user's.
    fs::set_permissions(service.dir(), Permissions::from_mode(0o755)).expect("its mode");
    let restored = service.dir().join("restored");
    let restore = format!("restore run --latest --target {} --yes", restored.display());
    let dumped = if let Database::Postgres(..) = database { 0 } else { 5 };
    let cases: [(&str, Option<i32>); 24] = [
        ("backup create --dry-run", Some(0)),
        ("backup create --label l", Some(0)),
        ("backup list", Some(0)),
        ("backup verify --latest", Some(0)),
        ("backup prune --dry-run", Some(0)),
        ("backup schedule", Some(0)),
        ("drill restore --latest", Some(0)),
        ("drill history", Some(0)),
        ("restore run --latest --preview", None),
        (&restore, Some(0)),
        ("restore report", None),
        ("backup create --format dump", Some(dumped)),
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
    all(service, &service.env, format, &cases, said).await;
}

/// What the commands print that archive the database's log, and bring the database back to a moment in it.
pub(super) async fn log_commands(service: &Service, database: &Database, format: &str, said: &mut Said) {
    let to = latest_moment(service).await;
    let target = |name: &str| service.dir().join(name).display().to_string();
    let pitr = format!("restore pitr --to {to} --target {}", target("of_a_moment"));
    let (preview, restore) = (format!("{pitr} --preview"), format!("{pitr} --yes"));
    let drill = format!("drill restore --to {to}");
    let mut cases = vec![
        ("restore list-points", Some(0)),
        ("backup check", Some(0)),
        ("restore pitr --to 2020-01-01T00:00:00Z --yes", Some(5)),
        (&preview, Some(0)),
        (&restore, Some(0)),
        (&drill, Some(0)),
        ("backup archive-wal notes.txt", Some(2)),
        ("backup fetch-wal 0000000100000000000000FF here", Some(6)),
    ];
    let (name, file) = (archived(service), target("fetched"));
    let (fetch, put) =
        (format!("backup fetch-wal {name} {file}/{name}"), format!("backup archive-wal {file}/{name}"));
    match database {
        Database::Sqlite(_) => cases.push(("backup stream", Some(5))),
        Database::Postgres(..) => {
            fs::create_dir(&file).expect("a directory");
            cases.extend([("backup stream", Some(7)), (&fetch, Some(0)), (&put, Some(0))]);
            stream(service, format, said).await;
        }
    }
    all(service, &service.env, format, &cases, said).await;
}

/// The log received into another directory, through a slot of its own, until a signal comes.
async fn stream(service: &Service, format: &str, said: &mut Said) {
    let mut env = service.env.clone();
    let dir = service.dir().join("streamed");
    env.insert("TASKWARD__BACKUP__DIR".to_owned(), dir.display().to_string());
    env.insert("TASKWARD__BACKUP__WAL_SLOT".to_owned(), "of_its_own".to_owned());
    let output = Output::new(service.dir(), "stream");
    let mut process = Process::start(&["-o", shown(format), "backup", "stream"], &env, &output);
    eventually("something is archived", EXIT_LIMIT, async || {
        dir.join("wal/postgres/end.json").exists().then_some(())
    })
    .await;
    process.signal(Signal::TERM);
    assert_eq!(process.exit_code(EXIT_LIMIT).await, 143, "{}", output.text());
    said.add("backup stream", output.text());
    written(&dir, said);
}

/// The end of the latest window, once there is one.
async fn latest_moment(service: &Service) -> String {
    let output = |number: usize| Output::new(service.dir(), &format!("points-{number}"));
    let mut number = 0;
    eventually("there is a window", EXIT_LIMIT, async || {
        number += 1;
        let output = output(number);
        let words = ["restore", "list-points", "-o", "json"];
        Process::start(&words, &service.env, &output).exit_code(EXIT_LIMIT).await;
        let points: Value = serde_json::from_slice(&fs::read(&output.stdout).ok()?).ok()?;
        points["windows"][0]["to"].as_str().map(ToOwned::to_owned)
    })
    .await
}

/// A segment of PostgreSQL's log that is archived; none of SQLite's has such a name.
fn archived(service: &Service) -> String {
    let dir = Path::new(&service.env["TASKWARD__BACKUP__DIR"]).join("wal/postgres");
    let names =
        fs::read_dir(dir).into_iter().flatten().filter_map(|it| it.ok()?.file_name().into_string().ok());
    let segments = names.filter_map(|name| Some(name.strip_suffix(".gz")?.to_owned()));
    segments.filter(|name| name.len() == 24).min().unwrap_or_default()
}

/// The format of a command's output, for that of the log.
fn shown(format: &str) -> &str {
    if format == "json" { "json" } else { "text" }
}

/// Runs commands, in the format that is asked for.
async fn all(
    service: &Service,
    env: &BTreeMap<String, String>,
    format: &str,
    cases: &[(&str, Option<i32>)],
    said: &mut Said,
) {
    let mut env = env.clone();
    env.insert("TASKWARD_URL".to_owned(), service.url());
    for (command, code) in cases {
        let args: Vec<&str> = ["-o", shown(format)].into_iter().chain(command.split(' ')).collect();
        let ended = run(service, &env, &args, said).await;
        assert!(code.is_none_or(|code| code == ended), "{command} ended with {ended}: {}", said.last());
    }
}

/// The command that shows a backup in this directory.
pub(super) fn show(directory: &Path) -> String {
    let names = fs::read_dir(directory)
        .expect("a directory")
        .filter_map(|it| it.ok()?.file_name().into_string().ok());
    let id = names.filter(|name| name.starts_with("20") && !name.contains('.')).max();
    format!("backup show {}", id.expect("a backup"))
}

/// Everything that backups have written: manifests, records, the log, and what is in the archives.
pub(super) fn written(directory: &Path, said: &mut Said) {
    for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        if path.is_dir() {
            written(&path, said);
            continue;
        }
        let packed = |program: &str, flag: &str| {
            let unpacked = Command::new(program).arg(flag).arg(&path).output().expect(program);
            assert!(unpacked.status.success(), "{}", path.display());
            unpacked.stdout
        };
        let bytes = match path.extension().and_then(|ending| ending.to_str()) {
            Some("gz") => packed("gzip", "-dc"),
            Some("dump") => packed("pg_restore", "--file=-"),
            Some("zst") => zstd::decode_all(fs::File::open(&path).expect("opened")).expect("unpacked"),
            _ => fs::read(&path).expect("read"),
        };
        said.add(path.display().to_string(), String::from_utf8_lossy(&bytes));
    }
}
