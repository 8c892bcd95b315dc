//! The disk of the log is full: tasks do not wait for it.

use std::path::Path;

use taskward_testkit::disk::Disk;
use tokio::task::LocalSet;

use super::{LATE, Load, OUTAGE, call};
use crate::support::{Database, Service, eventually, seed};

#[tokio::test]
async fn the_disk_of_the_log_is_full_sqlite() {
    LocalSet::new().run_until(full(Database::sqlite())).await;
}

#[tokio::test]
async fn the_disk_of_the_log_is_full_postgres() {
    LocalSet::new().run_until(full(Database::postgres())).await;
}

async fn full(database: Database) {
    let title = format!("outage_log_full_{}", database.name());
    let mut rng = seed(&title);
    let disk = Disk::mount(16);
    let file = disk.path().join("example.log");
    let mut service = Service::new(&database)
        .with("TASKWARD__LOGGING__FILE", &file.display().to_string())
        // A line for each request.
        .with("LOG_LEVEL", "DEBUG");
    service.start_ready().await;
    let load = Load::start(&service, &mut rng);
    load.grows(20).await;
    disk.fill();
    eventually("lines are dropped, and counted", LATE, async || {
        (dropped(&service).await > 100.0).then_some(())
    })
    .await;
    load.grows(100).await;
    let health = call(&service, "GET", "/health", None).await.json();
    assert_eq!((&health["status"], &health["mode"]), (&"ok".into(), &"normal".into()), "{health}");
    tokio::time::sleep(OUTAGE).await;
    let (full, lost) = (length(&file), dropped(&service).await);
    disk.free();
    eventually("the log goes on, and says what is missing", LATE, async || {
        let log = std::fs::read(&file).ok()?;
        let log = String::from_utf8_lossy(&log[usize::try_from(full).ok()?..]).into_owned();
        log.contains("lines of the log were dropped").then_some(())
    })
    .await;
    load.grows(50).await;
    load.finish(&service.client(), &format!("{title}: {lost} lines of the log were lost, and no task")).await;
    service.check_database().await;
    service.stop().await;
}

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).expect("the log").len()
}

/// Lines of the file that could not be written.
async fn dropped(service: &Service) -> f64 {
    let metrics = call(service, "GET", "/metrics", None).await.body;
    let of_file = |line: &&str| {
        line.starts_with("taskward_log_lines_dropped_total{")
            && line.contains("output=\"file\"")
            && line.contains("write_failed")
    };
    let value = metrics.lines().find(of_file).and_then(|line| line.rsplit(' ').next()?.parse().ok());
    value.unwrap_or_default()
}
