//! The disks that the service writes to: how full they are, and how much of that is its own.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use taskward_config::{Config, DatabaseTarget};

use crate::logs::prune::{self, Keep};
use crate::paths::{directory_of, with_suffix};

/// Entries of a directory of backups that are added up; with more of them the sum is not known.
const ENTRIES_MAX: usize = 100_000;

/// Where the service writes on this machine.
#[derive(Debug, Clone)]
pub struct DiskSettings {
    /// The database's file; none with PostgreSQL, whose disk is not ours to see.
    pub database: Option<PathBuf>,
    /// The log's file, where one is written.
    pub log: Option<PathBuf>,
    /// The directory of backups.
    pub backups: PathBuf,
    /// The use of a file system, in percent, that is still well: `alerts.disk_full_percent`.
    pub full_percent: u32,
}

impl From<&Config> for DiskSettings {
    fn from(config: &Config) -> Self {
        let database = match config.database.target() {
            DatabaseTarget::Sqlite(file) => Some(file),
            DatabaseTarget::Postgres(_) => None,
        };
        Self {
            database,
            log: config.logging.file.clone(),
            backups: config.backup.dir.clone(),
            full_percent: config.alerts.disk_full_percent,
        }
    }
}

/// What is thought of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskVerdict {
    /// There is room.
    Ok,
    /// It cannot be looked at.
    Unknown,
    /// It is fuller than it should be, in bytes or in inodes.
    Fail,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiskReport {
    /// The worst of all places; unknown when there is none.
    pub verdict: DiskVerdict,
    /// The use, in percent, that is still well.
    pub full_percent: u32,
    /// Where the service writes.
    pub places: Vec<Place>,
}

/// A directory that the service writes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Place {
    /// What it is for: `data` and `log` as alerts call them, or `backups`.
    pub directory: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// What is thought of it.
    pub verdict: DiskVerdict,
    /// The file system's bytes.
    pub bytes: Option<Room>,
    /// Its inodes, where it has a number of them.
    pub inodes: Option<Room>,
    /// What the service keeps there.
    pub holds: Vec<Held>,
    /// Why it cannot be looked at.
    pub message: Option<String>,
}

/// How much there is of something, and how much is left.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Room {
    /// All of it.
    pub size: u64,
    /// What is left for this process.
    pub available: u64,
    /// The share that is used, from 0 to 1.
    pub used_ratio: f64,
}

/// Something that the service keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// What it is.
    pub what: &'static str,
    /// How large it is; none when it cannot be read.
    pub bytes: Option<u64>,
}

/// Looks at every disk that the service writes to.
pub fn disk(settings: &DiskSettings) -> DiskReport {
    let full = settings.full_percent;
    let mut places = Vec::new();
    if let Some(file) = &settings.database {
        let wal = with_suffix(file, "-wal");
        let holds = vec![held("database", size(file)), held("not yet merged into it", size(&wal))];
        places.push(place("data", directory_of(file), holds, full));
    }
    if let Some(file) = &settings.log {
        let all =
            prune::plan(file, Keep { files: usize::MAX, younger_than: None }, jiff::Timestamp::MIN).ok();
        let rotated = all.as_ref().map(|all| all.kept_bytes);
        let holds = vec![held("log", size(file)), held("rotated logs", rotated)];
        places.push(place("log", directory_of(file), holds, full));
    }
    if settings.backups.is_dir() {
        let holds = vec![held("backups", size_of_all(&settings.backups))];
        places.push(place("backups", settings.backups.clone(), holds, full));
    }
    let verdict = places.iter().map(|place| place.verdict).max().unwrap_or(DiskVerdict::Unknown);
    DiskReport { verdict, full_percent: full, places }
}

fn place(directory: &'static str, path: PathBuf, holds: Vec<Held>, full_percent: u32) -> Place {
    let found = rustix::fs::statvfs(&path);
    let message = found.as_ref().err().map(ToString::to_string);
    let found = found.ok();
    let bytes = found.as_ref().map(|disk| room(disk.f_blocks, disk.f_bavail, disk.f_frsize));
    // Some file systems make inodes as they are needed, and say 0.
    let limited = found.as_ref().filter(|disk| disk.f_files > 0);
    let inodes = limited.map(|disk| room(disk.f_files, disk.f_favail, 1));
    let is_full =
        |room: &Option<Room>| room.is_some_and(|room| room.used_ratio * 100.0 > f64::from(full_percent));
    let verdict = match &bytes {
        None => DiskVerdict::Unknown,
        Some(_) if is_full(&bytes) || is_full(&inodes) => DiskVerdict::Fail,
        Some(_) => DiskVerdict::Ok,
    };
    Place { directory, path, verdict, bytes, inodes, holds, message }
}

fn room(all: u64, left: u64, unit: u64) -> Room {
    let used_ratio = if all == 0 { 0.0 } else { 1.0 - left as f64 / all as f64 };
    Room { size: all.saturating_mul(unit), available: left.saturating_mul(unit), used_ratio }
}

fn held(what: &'static str, bytes: Option<u64>) -> Held {
    Held { what, bytes }
}

/// What is not there takes no room.
fn size(file: &Path) -> Option<u64> {
    match file.metadata() {
        Ok(found) => Some(found.len()),
        Err(error) => (error.kind() == std::io::ErrorKind::NotFound).then_some(0),
    }
}

fn size_of_all(directory: &Path) -> Option<u64> {
    let (mut left, mut sum, mut entries) = (vec![directory.to_owned()], 0, 0);
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).ok()? {
            let entry = entry.ok()?;
            entries += 1;
            let found = entry.metadata().ok()?;
            if found.is_dir() {
                left.push(entry.path());
            } else {
                sum += found.len();
            }
        }
        if entries > ENTRIES_MAX {
            return None;
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(directory: &Path, full_percent: u32) -> DiskSettings {
        let file = |name: &str| directory.join(name);
        DiskSettings {
            database: Some(file("taskward.db")),
            log: Some(file("a.log")),
            backups: file("backups"),
            full_percent,
        }
    }

    #[test]
    fn what_the_service_keeps_is_added_up() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(directory.path().join("backups/one")).expect("a directory");
        for (name, bytes) in
            [("taskward.db", 40), ("taskward.db-wal", 5), ("a.log", 3), ("a.log.1", 7), ("backups/one/a", 9)]
        {
            fs::write(directory.path().join(name), vec![0; bytes]).expect("written");
        }
        let report = disk(&settings(directory.path(), 100));
        assert_eq!(report.verdict, DiskVerdict::Ok, "{report:?}");
        let held: Vec<_> =
            report.places.iter().flat_map(|place| &place.holds).map(|held| held.bytes).collect();
        assert_eq!(held, [Some(40), Some(5), Some(3), Some(7), Some(9)]);
        let names: Vec<_> = report.places.iter().map(|place| place.directory).collect();
        assert_eq!(names, ["data", "log", "backups"]);
    }

    #[test]
    fn a_full_disk_fails_and_one_that_is_not_there_is_unknown() {
        let directory = tempfile::tempdir().expect("a directory");
        // Something is used on every disk.
        assert_eq!(disk(&settings(directory.path(), 0)).verdict, DiskVerdict::Fail);
        let gone = disk(&settings(&directory.path().join("gone"), 100));
        assert_eq!(gone.verdict, DiskVerdict::Unknown);
        assert!(gone.places.iter().all(|place| place.message.is_some()), "{gone:?}");
        let nothing = DiskSettings { database: None, log: None, ..settings(directory.path(), 100) };
        assert_eq!(disk(&nothing).verdict, DiskVerdict::Unknown, "nothing to look at is no pass");
    }
}
