//! Removing rotated files, for whoever needs room: which of them, how large they are, and then away with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::LogError;
use super::files::LogFiles;

/// Which rotated files stay.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// The newest, so many.
    pub files: usize,
    /// Of those, only what was written to within this time.
    pub younger_than: Option<Duration>,
}

/// A rotated file that does not stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prunable {
    /// Where it is.
    pub file: PathBuf,
    /// The time of its last line, as far as that is known.
    pub last_written_at: Option<Timestamp>,
    /// How much room it takes.
    pub bytes: u64,
}

/// What was found, and what does not stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogPrune {
    /// The file that is written, which always stays.
    pub current: PathBuf,
    /// How large that is.
    pub current_bytes: u64,
    /// Rotated files that stay.
    pub kept: usize,
    /// How much room they take.
    pub kept_bytes: u64,
    /// Files that do not, the oldest first.
    pub removed: Vec<Prunable>,
    /// How much room is won without them.
    pub removed_bytes: u64,
    /// Whether they were only looked at.
    pub dry_run: bool,
}

/// Finds the rotated files of a log that need not stay. Nothing is removed.
///
/// # Errors
/// When there is no log, or its directory cannot be read.
pub fn plan(path: &Path, keep: Keep, now: Timestamp) -> Result<LogPrune, LogError> {
    let files = LogFiles::find(path)?;
    let size = |path: &Path| path.metadata().map_or(0, |found| found.len());
    let too_many = files.rotated.len().saturating_sub(keep.files);
    let oldest = keep.younger_than.map(|age| now.saturating_sub(age).unwrap_or(Timestamp::MIN));
    let mut plan = LogPrune {
        current: path.to_owned(),
        current_bytes: size(path),
        kept: 0,
        kept_bytes: 0,
        removed: Vec::new(),
        removed_bytes: 0,
        dry_run: true,
    };
    for (at, file) in files.rotated.into_iter().enumerate() {
        let bytes = size(&file.path);
        if at < too_many || oldest.is_some_and(|oldest| file.ends_before(oldest)) {
            let last_written_at = file.written_at();
            plan.removed.push(Prunable { file: file.path, last_written_at, bytes });
            plan.removed_bytes += bytes;
        } else {
            plan.kept += 1;
            plan.kept_bytes += bytes;
        }
    }
    Ok(plan)
}

/// Removes what was planned. One that is gone already is as good as removed.
///
/// # Errors
/// When a file cannot be removed; those before it are gone.
pub fn remove(plan: &LogPrune) -> Result<(), LogError> {
    for Prunable { file, .. } in &plan.removed {
        match fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(LogError::Unremovable { path: file.clone(), source: error });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_and_the_file_that_is_written_stays() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("a.log");
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().expect("a time");
        for (name, hours) in
            [("a.log", 0), ("a.log.2.gz", 72), ("a.log.1", 30), ("a.log.2026-11-24T110000Z", 1)]
        {
            let file = fs::File::create(directory.path().join(name)).expect("a file");
            file.set_len(10).expect("its length");
            let written = now.checked_sub(Duration::from_secs(3600 * hours)).expect("a time");
            file.set_modified(written.into()).expect("its time");
        }
        fs::write(directory.path().join("a.log.old"), "somebody's").expect("written");
        let removed = |files, hours: Option<u64>| {
            let younger_than = hours.map(|hours| Duration::from_secs(3600 * hours));
            let plan = plan(&log, Keep { files, younger_than }, now).expect("a plan");
            assert_eq!((plan.current_bytes, plan.removed_bytes), (10, 10 * plan.removed.len() as u64));
            assert_eq!(plan.kept + plan.removed.len(), 3);
            plan.removed.len()
        };
        assert_eq!([removed(180, None), removed(2, None), removed(0, None)], [0, 1, 3]);
        assert_eq!([removed(180, Some(48)), removed(180, Some(24)), removed(1, Some(48))], [1, 2, 2]);
        let oldest = plan(&log, Keep { files: 2, younger_than: None }, now).expect("a plan");
        assert!(oldest.removed[0].file.ends_with("a.log.2.gz"), "{oldest:?}");
        remove(&oldest).expect("removed");
        remove(&oldest).expect("gone already");
        assert!(!directory.path().join("a.log.2.gz").exists() && log.exists());
        assert!(directory.path().join("a.log.old").exists());
    }
}
