//! Room on the disks that hold the data and the log.

use std::path::{Path, PathBuf};

use super::description::Metric;
use super::sample::Samples;

pub(super) const METRICS: &[Metric] = &[
    Metric::gauge("taskward_disk_size_bytes", &["directory"], "Size of the file system").shown_where(KNOWN),
    Metric::gauge("taskward_disk_available_bytes", &["directory"], "What is left of it for this process")
        .shown_where(KNOWN),
    Metric::gauge("taskward_disk_inodes", &["directory"], "Inodes of the file system").shown_where(LIMITED),
    Metric::gauge("taskward_disk_inodes_available", &["directory"], "Inodes left for this process")
        .shown_where(LIMITED),
];

const KNOWN: &str = "there is such a directory: `data` with SQLite, `log` when a file is logged to";
const LIMITED: &str = "there is such a directory, on a file system that has a number of inodes";

/// The directories worth watching, by what they hold.
#[derive(Debug, Clone, Default)]
pub struct Directories {
    /// Where the database's file is; a PostgreSQL server's disk is not ours to see.
    pub data: Option<PathBuf>,
    /// Where the log's file is.
    pub log: Option<PathBuf>,
}

/// Reads how full they are.
pub(super) fn sample(samples: &mut Samples, directories: &Directories) {
    let both = [("data", &directories.data), ("log", &directories.log)];
    for (name, directory) in both {
        if let Some(directory) = directory {
            room(samples, name, directory);
        }
    }
}

fn room(samples: &mut Samples, name: &str, directory: &Path) {
    let Ok(disk) = rustix::fs::statvfs(directory) else { return };
    let labels = [("directory", name)];
    let bytes = |blocks: u64| (blocks as f64) * (disk.f_frsize as f64);
    samples.add("taskward_disk_size_bytes", &labels, bytes(disk.f_blocks));
    samples.add("taskward_disk_available_bytes", &labels, bytes(disk.f_bavail));
    // Some file systems make inodes as they are needed, and say 0.
    if disk.f_files > 0 {
        samples.add("taskward_disk_inodes", &labels, disk.f_files as f64);
        samples.add("taskward_disk_inodes_available", &labels, disk.f_favail as f64);
    }
}
