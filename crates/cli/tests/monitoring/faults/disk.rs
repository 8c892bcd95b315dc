//! A file system that fills up, in bytes and in files.

use std::fs::{self, File};
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::world::World;

/// A file system in memory: it can be filled at once, and hardly anything is on it.
const PLACE: &str = "/dev/shm";

/// How much of it is used, in percent: bytes, and files.
fn used() -> (f64, f64) {
    let now = statvfs(PLACE).expect(PLACE);
    let percent = |free: u64, all: u64| 100.0 - 100.0 * free as f64 / all as f64;
    (percent(now.f_bavail, now.f_blocks), percent(now.f_favail, now.f_files))
}

/// How many of all there are make so many percent, from what is used now.
fn missing(all: u64, used: f64, wanted: f64) -> u64 {
    (all as f64 * (wanted - used).max(0.0) / 100.0).ceil() as u64
}

fn fill_with_bytes(file: &Path, wanted: f64) {
    let now = statvfs(PLACE).expect(PLACE);
    let bytes = missing(now.f_blocks, used().0, wanted) * now.f_frsize;
    let file = File::create(file).expect("a file");
    fallocate(&file, FallocateFlags::empty(), 0, bytes).expect("room");
}

fn fill_with_files(directory: &Path, wanted: f64) {
    fs::create_dir(directory).expect("a directory");
    let count = missing(statvfs(PLACE).expect(PLACE).f_files, used().1, wanted);
    for number in 0..count {
        File::create(directory.join(number.to_string())).expect("an inode");
    }
}

#[test]
fn a_disk_that_fills_up() {
    let directory = tempfile::tempdir_in(PLACE).expect("a directory");
    let (bytes, files) = used();
    // Far enough from what is used for the alert to be over, once what is added is gone.
    let full = (bytes.max(files) + 0.5).floor() + 1.0;
    let database = format!("sqlite:{}", directory.path().join("taskward.db").display());
    let world = World::start_with(&database, &[("TASKWARD__ALERTS__DISK_FULL_PERCENT", &full.to_string())]);
    let (ballast, crumbs) = (directory.path().join("ballast"), directory.path().join("crumbs"));
    fill_with_bytes(&ballast, full + 0.3);
    world.until_told("DiskFull", true);
    fs::remove_file(&ballast).expect("removed");
    world.until_told("DiskFull", false);
    fill_with_files(&crumbs, full + 0.3);
    world.until_told("InodesFull", true);
    fs::remove_dir_all(&crumbs).expect("removed");
    world.until_told("InodesFull", false);
}
