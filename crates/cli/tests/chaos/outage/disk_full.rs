//! The disk of the SQLite file is full, and has room again.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use tempfile::TempDir;
use tokio::task::LocalSet;

use super::{Load, Times, call, outage, reaches, says_that_it_is_degraded};
use crate::support::{Service, seed};

const ROUNDS: usize = 3;

/// A small file system of its own, unmounted when dropped.
struct Disk(TempDir);

impl Disk {
    fn mount() -> Self {
        let dir = TempDir::with_prefix("taskward-disk-").expect("a directory");
        let mounted = as_root("mount")
            .args(["-t", "tmpfs", "-o", "size=48m,mode=0777", "taskward"])
            .arg(dir.path())
            .output();
        let mounted = mounted.expect("run mount");
        assert!(
            mounted.status.success(),
            "this test fills a disk, and mounts a small tmpfs for it, which needs root or sudo without a password: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut file =
            OpenOptions::new().create(true).append(true).open(self.path().join("filler")).expect("a file");
        for size in [1 << 20, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.path().join("filler")).expect("the file is there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = as_root("umount").arg("--lazy").arg(self.path()).status();
    }
}

fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["--non-interactive", program]);
    command
}

#[tokio::test]
async fn the_disk_is_full() {
    LocalSet::new().run_until(full("outage_disk_full")).await;
}

async fn full(title: &str) {
    let disk = Disk::mount();
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
        tokio::time::sleep(outage()).await;
        disk.free();
        back.took.push(reaches(&service, "normal", Instant::now()).await);
    }
    load.grows(50).await;
    load.finish(&service.client(), &format!("{title}: full {ROUNDS} times")).await;
    down.assert_kept(title);
    back.assert_kept(title);
    service.stop().await;
}
