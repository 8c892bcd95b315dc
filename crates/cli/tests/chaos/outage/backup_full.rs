//! The disk of the backups is full: before a backup begins, and in the middle of it. The service goes on.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use taskward_testkit::disk::Disk;
use tokio::task::LocalSet;

use super::{Load, call};
use crate::support::process::Output;
use crate::support::{Connection, Database, Process, Service, eventually, seed};

const SOON: Duration = Duration::from_secs(60);
/// Nobody is away, only busy: what a call takes meanwhile on a slow machine is not what this is about.
const LEASE: Duration = Duration::from_secs(60);
/// More than one step of a copy.
const STORED_MIB: usize = 48;

#[tokio::test]
async fn the_disk_of_the_backups_is_full_sqlite() {
    LocalSet::new().run_until(full(Database::sqlite())).await;
}

#[tokio::test]
async fn the_disk_of_the_backups_is_full_postgres() {
    LocalSet::new().run_until(full(Database::postgres())).await;
}

async fn full(database: Database) {
    let title = format!("outage_backup_full_{}", database.name());
    let mut rng = seed(&title);
    let disk = Disk::mount(512);
    let backups = disk.path().join("backups");
    let mut service = Service::new(&database).with("TASKWARD__BACKUP__DIR", &backups.display().to_string());
    service.start_ready().await;
    store(&service, &mut rng).await;
    let load = Load::with_leases(LEASE, &service, &mut rng);
    load.grows(20).await;

    disk.fill();
    let mut refused = start(&service, "full");
    assert_eq!(refused.exit_code(SOON).await, 5, "{}", refused.text());
    assert!(refused.text().contains("\"backup_destination\""), "{}", refused.text());
    assert!(!backups.exists(), "nothing was written");
    disk.free();

    load.grows(20).await;
    let mut broken = start(&service, "middle");
    let begun = eventually("a backup has begun", SOON, async || partial(&backups)).await;
    broken.signal(Signal::STOP);
    disk.fill();
    broken.signal(Signal::CONT);
    assert_eq!(broken.exit_code(SOON).await, 1, "{begun}: {}", broken.text());
    assert!(broken.text().contains("\"backup_failed\""), "{}", broken.text());
    assert_eq!(partial(&backups), None, "what there was of it is removed");
    disk.free();
    load.grows(20).await;
    assert_eq!(call(&service, "GET", "/health", None).await.json()["status"], "ok");

    let mut made = start(&service, "room");
    assert_eq!(made.exit_code(SOON).await, 0, "{}", made.text());
    let complete = names(&backups).into_iter().filter(|name| !name.starts_with('.')).count();
    assert_eq!(complete, 1, "only the last one is a backup");
    load.grows(20).await;
    load.finish(&service.client(), &format!("{title}: refused by 5, broken off by 1, made by 0")).await;
    service.check_database().await;
    service.stop().await;
}

/// Puts so much into the database that copying it takes a moment, in a queue that nobody works on.
async fn store(service: &Service, rng: &mut fastrand::Rng) {
    let mut connection = Connection::open(service.port).await.expect("the service runs");
    for _ in 0..STORED_MIB {
        let text =
            |rng: &mut fastrand::Rng| -> String { (0..128 << 10).map(|_| rng.alphanumeric()).collect() };
        let tasks: Vec<Value> = (0..8)
            .map(|_| serde_json::json!({"kind": "stored", "queue": "stored", "payload": text(rng)}))
            .collect();
        let body = serde_json::json!({ "tasks": tasks }).to_string();
        let answer = connection.call("POST", "/api/v1/tasks/batch", Some(&body)).await.expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// `taskward backup create`, with the service's settings.
struct Backup {
    process: Process,
    output: Output,
}

fn start(service: &Service, name: &str) -> Backup {
    let output = Output::new(service.dir(), name);
    let process = Process::start(&["backup", "create", "-o", "json"], &service.env, &output);
    Backup { process, output }
}

impl Backup {
    async fn exit_code(&mut self, limit: Duration) -> i32 {
        let begun = Instant::now();
        let code = self.process.exit_code(limit).await;
        eprintln!("a backup ended with {code} after {:.2?}", begun.elapsed());
        code
    }

    fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    fn text(&self) -> String {
        self.output.text()
    }
}

/// The file of a backup that is being made, once something is in it.
fn partial(backups: &Path) -> Option<String> {
    let name = names(backups).into_iter().find(|name| name.ends_with(".partial"))?;
    let dir = fs::read_dir(backups.join(&name)).ok()?;
    dir.filter_map(|entry| entry.ok()?.metadata().ok()).any(|file| file.len() > 0).then_some(name)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}
