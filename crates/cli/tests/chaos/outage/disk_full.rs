//! The disk of the SQLite file is full, and has room again.

use std::time::Instant;

use taskward_testkit::disk::Disk;
use tokio::task::LocalSet;

use super::{Load, OUTAGE, Times, call, reaches, says_that_it_is_degraded};
use crate::support::{Service, seed};

const ROUNDS: usize = 3;

#[tokio::test]
async fn the_disk_is_full() {
    LocalSet::new().run_until(full("outage_disk_full")).await;
}

async fn full(title: &str) {
    let disk = Disk::mount(48);
    let mut rng = seed(title);
    let mut service = Service::at(&format!("sqlite:{}", disk.path().join("taskward.db").display()));
    service.start_ready().await;
    let load = Load::start(&service, &mut rng);
    let (mut down, mut back) = (Times::new("read-only"), Times::new("back"));
    for _ in 0..ROUNDS {
        load.grows(20).await;
        disk.fill();
        down.took.push(reaches(&service, "read_only", Instant::now()).await);
        says_that_it_is_degraded(&service).await;
        for path in ["/api/v1/tasks", "/api/v1/queues", "/health/ready"] {
            let read = call(&service, "GET", path, None).await;
            assert_eq!(read.status, 200, "{path}: reads go on: {read:?}");
        }
        tokio::time::sleep(OUTAGE).await;
        disk.free();
        back.took.push(reaches(&service, "normal", Instant::now()).await);
    }
    load.grows(50).await;
    load.finish(&service.client(), &format!("{title}: full {ROUNDS} times")).await;
    down.assert_kept(title);
    back.assert_kept(title);
    service.stop().await;
}
