//! The disk of PostgreSQL's archived log gets full with load running, whoever archives. Nobody waits for it, whoever is on call
//! is told, PostgreSQL keeps what is not archived, and once there is room the archive has all of it: also the moment in
//! between can be restored.

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use taskward_testkit::disk::Disk;
use taskward_testkit::postgres::TempPostgres;
use tempfile::TempDir;
use tokio::task::LocalSet;
use uuid::Uuid;

use super::{Load, alert, call};
use crate::load::ledger::Facts;
use crate::support::process::Output;
use crate::support::{Process, Service, eventually, seed};

const SOON: Duration = Duration::from_secs(60);
/// Nobody is away, only busy: what a call takes meanwhile on a slow machine is not what this is about.
const LEASE: Duration = Duration::from_secs(60);
/// How far the archive may be behind, in seconds: more than the second for which PostgreSQL waits with a segment that does
/// not fill.
const BEHIND_MAX: f64 = 4.0;

/// Who archives, and what each says that cannot.
struct Way {
    mode: &'static str,
    told: &'static str,
    check: &'static str,
    /// What is left of the disk, in bytes.
    left: u64,
}

#[tokio::test]
async fn the_disk_of_the_archive_is_full_for_archive_command() {
    let told = "PostgreSQL's archive_command fails at";
    let way = Way { mode: "command", told, check: "archive_command fails with", left: 0 };
    LocalSet::new().run_until(full(&way)).await;
}

#[tokio::test]
async fn the_disk_of_the_archive_is_full_for_the_stream() {
    let told = "PostgreSQL's log is not archived; tried again";
    // Less than `pg_receivewal` wants for the next segment, which it begins to fill nevertheless.
    let way = Way { mode: "stream", told, check: "nobody receives from the slot", left: 600 << 10 };
    LocalSet::new().run_until(full(&way)).await;
}

async fn full(way: &Way) {
    let title = format!("outage_archive_full_{}", way.mode);
    let mut rng = seed(&title);
    let disk = Disk::mount(64);
    let backups = disk.path().join("backups");
    let server = archiving(way, &backups);
    let mut service = Service::at(&server.create_database())
        .with("TASKWARD__BACKUP__DIR", &backups.display().to_string())
        .with("TASKWARD__BACKUP__WAL", way.mode)
        .with("TASKWARD__ALERTS__WAL_ARCHIVE_LAG", &format!("{BEHIND_MAX}s"));
    service.start_ready().await;
    run(&service, "create", &["backup", "create"], 0).await;
    let load = Load::with_leases(LEASE, &service, &mut rng);
    load.grows(20).await;
    archived_beyond(&service, now()).await;

    disk.fill_but(way.left);
    // Nobody waits here until a segment is full.
    server.execute("postgres", "SELECT pg_switch_wal()");
    says_that_it_is_behind(&service, way).await;
    load.grows(50).await;
    let moment = Moment::now(&load.ledger.facts());
    load.grows(50).await;
    let health = call(&service, "GET", "/health", None).await.json();
    assert_eq!((&health["status"], &health["mode"]), (&"ok".into(), &"normal".into()), "{health}");
    let (lag, held) = (metric(&service, LAG).await, metric(&service, HELD).await);

    disk.free();
    let points = archived_beyond(&service, now()).await;
    assert_eq!((&points["gaps"], &points["damaged"]), (&json!([]), &json!([])), "{points}");
    assert_eq!(points["windows"].as_array().map(Vec::len), Some(1), "{points}");
    eventually("the alert ends", SOON, async || {
        (alert(&service, "WalArchiveLag").await != "firing").then_some(())
    })
    .await;
    load.grows(50).await;
    let told = format!("{title}: {lag:.1} s behind, {held} bytes kept by PostgreSQL, no gap afterwards");
    load.finish(&service.client(), &told).await;
    service.check_database().await;
    moment.is_restored(&service, &title).await;
    service.stop().await;
}

const LAG: &str = "taskward_backup_wal_lag_seconds";
const HELD: &str = "taskward_backup_wal_held_bytes";
const FAILURES: &str = "taskward_backup_wal_failures_total";

/// A server that hands its log over, or keeps it for who receives it.
fn archiving(way: &Way, backups: &Path) -> TempPostgres {
    if way.mode == "stream" {
        return TempPostgres::start_with(&[("max_slot_wal_keep_size", "1GB")]);
    }
    fs::create_dir(backups).expect("a directory");
    // PostgreSQL's user writes there, and so does the test's.
    fs::set_permissions(backups, Permissions::from_mode(0o777)).expect("mode");
    let program = env!("CARGO_BIN_EXE_taskward");
    let command = format!("{program} backup archive-wal --dir {} %p", backups.display());
    let settings = [("archive_mode", "on"), ("archive_command", command.as_str()), ("archive_timeout", "1s")];
    TempPostgres::start_with(&settings)
}

/// What whoever is on call sees: the alert, the log, the metrics and `backup check`.
async fn says_that_it_is_behind(service: &Service, way: &Way) {
    eventually("the alert fires", SOON, async || {
        (alert(service, "WalArchiveLag").await == "firing").then_some(())
    })
    .await;
    let log = service.printed();
    assert!(log.contains(way.told), "{log}");
    assert!(metric(service, LAG).await > BEHIND_MAX && metric(service, FAILURES).await >= 1.0);
    run(service, "full-points", &["restore", "list-points"], 0).await;
    let mut checks = 0;
    // Whoever receives tries again all the time.
    eventually("the check names it", SOON, async || {
        checks += 1;
        let said = run(service, &format!("full-{checks}"), &["backup", "check", "-o", "json"], 3).await;
        assert!(said.contains("No space left on device"), "{said}");
        said.contains(way.check).then_some(())
    })
    .await;
}

/// Waits until everything that was committed by `at` can be restored, and says what can.
async fn archived_beyond(service: &Service, at: Timestamp) -> Value {
    let mut looks = 0;
    eventually(format!("the archive reaches beyond {at}"), SOON, async || {
        looks += 1;
        let output = Output::new(service.dir(), &format!("points-{at}-{looks}"));
        let words = ["restore", "list-points", "-o", "json"];
        // Right after a backup its window may not have begun.
        let code = Process::start(&words, &service.env, &output).exit_code(SOON).await;
        assert!(matches!(code, 0 | 6), "{code}: {}", output.text());
        let points: Value = serde_json::from_str(&fs::read_to_string(&output.stdout).ok()?).ok()?;
        let to: Timestamp = points["windows"][0]["to"].as_str()?.parse().ok()?;
        (to > at).then_some(points)
    })
    .await
}

/// What the clients knew at a moment.
struct Moment {
    at: Timestamp,
    facts: Facts,
}

impl Moment {
    /// Nobody writes anything down meanwhile: everybody is on this thread.
    fn now(facts: &Facts) -> Self {
        Self { at: now(), facts: facts.clone() }
    }

    /// Restores to it elsewhere. What was acknowledged by then is there, completions too, and of all else only what was on
    /// its way.
    async fn is_restored(&self, service: &Service, title: &str) {
        let room = tempfile::tempdir().expect("a directory");
        let target = restored(service, self.at, &room).await;
        let server = TempPostgres::adopt(&target);
        let ids = |sql: &str| -> HashSet<Uuid> {
            server.execute("test_0", sql).lines().map(|id| id.parse().expect("an id")).collect()
        };
        let found = ids("SELECT id FROM tasks UNION ALL SELECT id FROM history");
        let completed = ids("SELECT id FROM history WHERE state = 'completed'");
        let Facts { created, completions, .. } = &self.facts;
        let lost = created.values().filter(|id| !found.contains(id)).count();
        let undone = completions.keys().filter(|id| !completed.contains(id)).count();
        let acknowledged: HashSet<Uuid> = created.values().copied().collect();
        let open = found.difference(&acknowledged).count();
        let asked = self.facts.asked.len() - created.len();
        eprintln!(
            "{title}: restored to {}, while the disk was full: {} tasks acknowledged by then, {lost} missing; {} completions, \
             {undone} missing; {open} of {asked} tasks on their way",
            self.at,
            created.len(),
            completions.len(),
        );
        assert_eq!((lost, undone), (0, 0), "{title}");
        assert!(open <= asked, "{title}: nothing is there that was created later");
    }
}

/// Restores to a moment, into a directory that PostgreSQL's user may enter.
async fn restored(service: &Service, at: Timestamp, room: &TempDir) -> PathBuf {
    fs::set_permissions(room.path(), Permissions::from_mode(0o755)).expect("mode");
    let target = room.path().join("restored");
    let (to, into) = (at.to_string(), target.display().to_string());
    run(service, "pitr", &["restore", "pitr", "--to", &to, "--target", &into, "--yes"], 0).await;
    target
}

/// Runs `taskward` with the service's settings; what it says.
async fn run(service: &Service, name: &str, words: &[&str], code: i32) -> String {
    let output = Output::new(service.dir(), name);
    let ended = Process::start(words, &service.env, &output).exit_code(SOON).await;
    assert_eq!(ended, code, "{words:?}: {}", output.text());
    output.text()
}

async fn metric(service: &Service, name: &str) -> f64 {
    let metrics = call(service, "GET", "/metrics", None).await.body;
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {metrics}"))
}

#[expect(clippy::disallowed_methods, reason = "what clients see is told by the machine's clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
