//! How soon each kind of fault is noticed: firing within its time (`for`) and five seconds more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use taskward_core::alert::{NAMES, Thresholds};
use taskward_server::Settings;
use taskward_server::telemetry::metrics::Directories;
use tokio::time::Instant;

use crate::support::{Backend, Fault, TestServer, list, text, within};

on_every_database! {
    both: every_fault_is_noticed_in_time
}

/// The `for` of every rule that has one here.
const HOLD: Duration = Duration::from_secs(1);
/// What is promised beyond that.
const PROMISED: Duration = Duration::from_secs(5);
/// What a busy machine may add. Figures that were as old as ten seconds would not pass with it.
const ROOM: Duration = Duration::from_secs(3);
/// How long tasks may be ready, leases last, and the key is still young.
const SECOND: Duration = Duration::from_secs(1);
const KEY_YOUNG_FOR: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// From which time on requests are slow.
const SLOW: Duration = Duration::from_millis(100);

/// Rules at whose thresholds a test need not wait.
fn thresholds() -> Thresholds {
    Thresholds {
        window: Duration::from_secs(60),
        requests_min: 5,
        high_latency: SLOW,
        high_latency_for: HOLD,
        error_rate_percent: 5,
        error_rate_for: HOLD,
        database_down_for: HOLD,
        // As soon as there is a disk to look at.
        disk_full_percent: 0,
        disk_full_for: HOLD,
        queue_stuck: SECOND,
        queue_stuck_for: HOLD,
        no_workers: SECOND,
        no_workers_for: HOLD,
        tasks_window: Duration::from_secs(600),
        dead_tasks_max: 0,
        lease_rescues_max: 0,
        error_budget_permille: 1,
        error_budget_for: HOLD,
        key_too_old: DAY,
        backup_too_old: DAY,
        drill_too_old: DAY,
        wal_archive_lag: DAY,
        wal_held_back: 1 << 30,
    }
}

/// When each rule's fault began, and for how long it must last.
type Faults = BTreeMap<&'static str, (Instant, Duration)>;

async fn every_fault_is_noticed_in_time(backend: Backend) {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = directory.path().join("appears");
    let server = backend.serve_with(|settings| change(settings, disk.clone())).await;
    let mut faults = Faults::from([("KeyTooOld", (Instant::now() + KEY_YOUNG_FOR, Duration::ZERO))]);
    faults.extend(requests_that_fail_and_crawl(&server).await);
    faults.extend(tasks_that_wait_and_die(&server).await);
    faults.extend(a_disk_that_fills(&disk));
    faults.extend(backups_that_are_old());
    notice(&server, &faults).await;

    let down = Faults::from([("DatabaseDown", (Instant::now(), HOLD))]);
    server.faults.fail("probe", Fault::Unavailable);
    notice(&server, &down).await;

    let has_inodes = rustix::fs::statvfs(&disk).is_ok_and(|disk| disk.f_files > 0);
    let shown: Vec<_> = NAMES.into_iter().filter(|name| has_inodes || *name != "InodesFull").collect();
    let tried = shown.iter().filter(|name| faults.contains_key(*name) || down.contains_key(*name));
    assert_eq!(tried.count(), shown.len(), "a rule without a fault");
}

fn change(settings: &mut Settings, disk: PathBuf) {
    settings.alerts.thresholds = thresholds();
    settings.key_age = Some(DAY - KEY_YOUNG_FOR);
    settings.directories = Directories { data: Some(disk), log: None };
}

async fn requests_that_fail_and_crawl(server: &TestServer) -> Faults {
    const REQUESTS: usize = 100;
    server.faults.hold("list");
    let asked = join_all((0..REQUESTS).map(|_| server.get("/api/v1/tasks")));
    let let_go = async {
        tokio::time::sleep(2 * SLOW).await;
        server.faults.let_go("list");
    };
    let (answers, ()) = tokio::join!(asked, let_go);
    assert!(answers.iter().all(|answer| answer.status == 200));
    let slow = Instant::now();
    server.faults.fail("list", Fault::Unavailable);
    for answer in join_all((0..REQUESTS).map(|_| server.get("/api/v1/tasks"))).await {
        answer.problem("database_unavailable");
    }
    server.faults.heal();
    let failed = Instant::now();
    let rules = ["ErrorRate", "ErrorBudgetBurn", "ErrorBudgetBurnSlow"].map(|name| (name, (failed, HOLD)));
    rules.into_iter().chain([("HighLatency", (slow, HOLD))]).collect()
}

async fn tasks_that_wait_and_die(server: &TestServer) -> Faults {
    server.create(&json!({"kind": "k", "queue": "alone"})).await;
    let waits_for_long = Instant::now() + SECOND;
    for queue in ["dying", "vanishing"] {
        server.create(&json!({"kind": "k", "queue": queue})).await;
    }
    let demand = |queue: &str| json!({"worker_id": "w", "queues": [queue], "lease": "1s"});
    let dying = server.claim(&demand("dying")).await.remove(0);
    let failure = json!({"error": {"type": "E", "message": "m"}, "retryable": false});
    server.report(&dying, "fail", failure).await.ok(200);
    let died = Instant::now();
    server.claim(&demand("vanishing")).await;
    let vanished = Instant::now() + SECOND;
    Faults::from([
        ("QueueStuck", (waits_for_long, HOLD)),
        ("NoWorkers", (waits_for_long, HOLD)),
        ("DeadTasks", (died, Duration::ZERO)),
        ("LeaseRescues", (vanished, Duration::ZERO)),
    ])
}

fn a_disk_that_fills(disk: &Path) -> Faults {
    std::fs::create_dir(disk).expect("a directory");
    let now = Instant::now();
    let has_inodes = rustix::fs::statvfs(disk).is_ok_and(|disk| disk.f_files > 0);
    let inodes = has_inodes.then_some(("InodesFull", (now, HOLD)));
    [("DiskFull", (now, HOLD))].into_iter().chain(inodes).collect()
}

/// Whoever makes backups and tries them, and archives the log, records their age; here nobody does.
fn backups_that_are_old() -> Faults {
    for name in [
        "taskward_backup_last_success_age_seconds",
        "taskward_drill_last_success_age_seconds",
        "taskward_backup_wal_lag_seconds",
    ] {
        metrics::gauge!(name).set(2.0 * DAY.as_secs_f64());
    }
    for name in [
        "taskward_backup_first_overdue_seconds",
        "taskward_backup_consecutive_failures",
        "taskward_drill_first_overdue_seconds",
    ] {
        metrics::gauge!(name).set(1.0);
    }
    metrics::gauge!("taskward_backup_wal_held_bytes").set(f64::from(1u32 << 31));
    let now = (Instant::now(), Duration::ZERO);
    let rules = NAMES.iter().skip_while(|name| **name != "BackupTooOld");
    rules.map(|name| (*name, now)).collect()
}

/// Waits until all of them fire, and compares each moment with what is promised. What is seen here is seen a little
/// after it was so.
#[expect(clippy::print_stdout, reason = "a measurement by hand wants the numbers")]
async fn notice(server: &TestServer, faults: &Faults) {
    let mut fired: BTreeMap<&str, Instant> = BTreeMap::new();
    within("every alert", async {
        while fired.len() < faults.len() {
            let all = server.get("/api/v1/alerts").await.ok(200);
            let now = Instant::now();
            for alert in list(&all["alerts"]).iter().filter(|alert| alert["state"] == "firing") {
                if let Some((name, _)) = faults.get_key_value(text(&alert["rule"])) {
                    fired.entry(*name).or_insert(now);
                }
            }
            // Not so often that these requests are most of those that are judged.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    for (name, (began, hold)) in faults {
        let took = fired[name].saturating_duration_since(*began).saturating_sub(*hold);
        println!("{name}: {took:?} after its time");
        assert!(took <= PROMISED + ROOM, "{name} fired {took:?} after its time");
    }
}
