//! A restore that was killed while it put its result into place.
//!
//! Where a file system cannot exchange two names at once, and where a log has to go along, there are moments in which nothing
//! has the target's name. Whoever opened a database by it then would begin an empty one.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What follows the target's name in that of what was there before; then comes the restore's own.
pub const KEPT: &str = ".before-";
/// The same of what is restored, as long as it is not in its place.
pub const STAGED: &str = ".restoring-";

/// What SQLite's log is named with, after its database.
const LOG: &str = "-wal";

/// A swap that was begun and not finished: nothing is at the target, and both databases are beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfSwapped {
    /// The file, or the data directory, that is not there.
    pub target: PathBuf,
    /// What was there before.
    pub kept: PathBuf,
    /// What was restored: all of it, and proven.
    pub staged: PathBuf,
}

impl HalfSwapped {
    /// Looks beside a target; `None` when something is there, or no restore has taken it away. What cannot be read is not seen.
    pub fn find(target: &Path) -> Option<Self> {
        if fs::symlink_metadata(target).is_ok() {
            return None;
        }
        let name = target.file_name()?.to_str()?;
        let directory = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let named = |what: &str, restore: &str| target.with_file_name(format!("{name}{what}{restore}"));
        let entries = fs::read_dir(directory).ok()?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let restores =
            names.filter_map(|found| Some(found.strip_prefix(name)?.strip_prefix(STAGED)?.to_owned()));
        // Names of files that belong to a database end in letters.
        let restores = restores.filter(|restore| restore.ends_with(|end: char| end.is_ascii_digit()));
        let half = restores.filter(|restore| named(KEPT, restore).exists());
        let restore = half.max()?;
        Some(Self { target: target.to_owned(), kept: named(KEPT, &restore), staged: named(STAGED, &restore) })
    }

    /// The renames that finish it, in this order.
    pub fn remaining(&self) -> Vec<(PathBuf, PathBuf)> {
        let beside = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(LOG);
            PathBuf::from(name)
        };
        let log = beside(&self.target);
        // A log that stays would be taken for that of what was restored.
        let log = log.exists().then(|| (log, beside(&self.kept)));
        log.into_iter().chain([(self.staged.clone(), self.target.clone())]).collect()
    }
}

impl fmt::Display for HalfSwapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing is at {}: a restore was interrupted while it swapped", self.target.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_is_half_done_when_both_are_beside_and_nothing_is_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        let write = |name: &str| fs::write(path(name), name).expect("written");
        let find = || HalfSwapped::find(&path("t.db"));
        assert_eq!(find(), None, "nothing was ever there");
        write("t.db.before-20261231-235900.123");
        assert_eq!(find(), None, "somebody has removed what an earlier restore had put there");
        write("t.db.restoring-20261231-235959.123");
        assert_eq!(find(), None, "and a later one was killed before it swapped");
        for name in ["t.db.restoring-20261231-235900.123", "t.db-wal", "t.db.before-20261231-235900.123-wal"]
        {
            write(name);
        }
        write("t.db.restoring-20261231-235900.123-wal");
        let half = find().expect("half done");
        assert_eq!(half.kept, path("t.db.before-20261231-235900.123"));
        for (from, to) in half.remaining() {
            fs::rename(from, to).expect("renamed");
        }
        assert_eq!(fs::read(path("t.db")).expect("there"), b"t.db.restoring-20261231-235900.123");
        assert_eq!(fs::read(path("t.db.before-20261231-235900.123-wal")).expect("its log"), b"t.db-wal");
        assert!(!path("t.db-wal").exists() && find().is_none());
    }
}
