//! Renames that put what was restored into place: all of them, or none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::backup::files;

/// Renames each first path to its second, in this order, and flushes the directory that has the names. When that fails,
/// what was renamed is renamed back, the latest first.
///
/// # Errors
/// Why it failed, and what is not under its old name again, should there be anything.
pub(super) fn rename_all(renames: &[(PathBuf, PathBuf)], directory: &Path) -> io::Result<()> {
    let mut done = 0;
    let renamed = renames.iter().try_for_each(|(from, to)| fs::rename(from, to).map(|()| done += 1));
    let Err(error) = renamed.and_then(|()| files::sync(directory)) else { return Ok(()) };
    for (from, to) in renames[..done].iter().rev() {
        if let Err(why) = fs::rename(to, from) {
            // Those before it stay where they are too: a database and its log belong together.
            let stuck = format!("{error}; {} is still named {}: {why}", from.display(), to.display());
            return Err(io::Error::new(error.kind(), stuck));
        }
    }
    // A flush may be what has failed.
    let _ = files::sync(directory);
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_renamed_before_a_failure_is_renamed_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        for name in ["log", "data"] {
            fs::write(path(name), name).expect("written");
        }
        let renames = [("log", "kept-log"), ("data", "kept"), ("missing", "data")];
        let renames = renames.map(|(from, to)| (path(from), path(to)));
        let error = rename_all(&renames, dir.path()).expect_err("there is no third one");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        for name in ["log", "data"] {
            assert_eq!(fs::read(path(name)).expect(name), name.as_bytes());
        }
        assert!(!path("kept-log").exists() && !path("kept").exists());
    }

    #[test]
    fn what_cannot_be_renamed_back_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        for name in ["first", "second"] {
            fs::write(path(name), name).expect("written");
        }
        // The second takes the name from the first, which is not there any more afterwards.
        let renames = [("first", "both"), ("second", "both"), ("missing", "other")];
        let renames = renames.map(|(from, to)| (path(from), path(to)));
        let error = rename_all(&renames, dir.path()).expect_err("there is no third one").to_string();
        let first = format!("{} is still named {}", path("first").display(), path("both").display());
        assert!(error.contains(&first), "{error}");
        assert_eq!(fs::read(path("second")).expect("the second"), b"second");
    }
}
