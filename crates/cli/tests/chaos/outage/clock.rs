//! The clock of one instance is set forward and back by an hour.
//!
//! By libfaketime, which changes what the instance is told of the time of day. What it is told of the time that passes
//! stays true, as on a machine whose clock somebody sets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::LocalSet;

use super::{Load, OUTAGE, call};
use crate::support::{Database, Service, eventually, seed};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_clock_is_set_sqlite() {
    LocalSet::new().run_until(set(Database::sqlite())).await;
}

#[tokio::test]
async fn the_clock_is_set_postgres() {
    LocalSet::new().run_until(set(Database::postgres())).await;
}

async fn set(database: Database) {
    let title = format!("outage_clock_{}", database.name());
    let mut rng = seed(&title);
    let clock = tempfile::NamedTempFile::new().expect("a file");
    let set = |seconds: i32| std::fs::write(clock.path(), format!("{seconds:+}\n")).expect("set the clock");
    set(0);
    let mut service = with_clock(Service::new(&database), clock.path());
    service.start_ready().await;
    let load = Load::start(&service, &mut rng);
    for hours in [1, 0, -1, 0] {
        load.grows(20).await;
        set(hours * 3600);
        eventually("the instance believes it", SOON, async || {
            let mode = call(
                &service,
                "PUT",
                "/api/v1/log/level",
                Some(r#"{"level":"WARNING","target":"taskward_store"}"#),
            )
            .await;
            let reverts =
                mode.json()["targets"][0]["reverts_at"].as_str()?.parse::<jiff::Timestamp>().ok()?;
            let off = reverts.as_second() - now().as_second() - 15 * 60;
            ((off - i64::from(hours) * 3600).abs() < 60).then_some(())
        })
        .await;
        tokio::time::sleep(OUTAGE).await;
    }
    load.grows(50).await;
    load.finish(&service.client(), &title).await;
    service.stop().await;
}

#[expect(clippy::disallowed_methods, reason = "the true time is what the instance's is compared with")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn with_clock(service: Service, file: &Path) -> Service {
    service
        .with("LD_PRELOAD", &library().display().to_string())
        .with("FAKETIME_TIMESTAMP_FILE", &file.display().to_string())
        .with("FAKETIME_NO_CACHE", "1")
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .with("DONT_FAKE_MONOTONIC", "1")
}

/// Where Debian's package puts it.
fn library() -> PathBuf {
    let machines = std::fs::read_dir("/usr/lib").expect("/usr/lib");
    let mut candidates =
        machines.filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketimeMT.so.1")));
    candidates.find(|path| path.exists()).expect("these tests need Debian's package libfaketime")
}
