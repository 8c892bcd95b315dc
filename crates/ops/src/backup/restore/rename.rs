//! Renames that put what was restored into place: all of them, or none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::backup::files;
use crate::paths::directory_of;

/// Puts `staged` where `target` is, which is named `kept` from then on. There is no moment without a target, but where the
/// file system cannot exchange two names: see [`taskward_store::HalfSwapped`] for what is found then. When this fails, the
/// names are what they were.
///
/// # Errors
/// As [`rename_all`].
pub(super) fn exchange(target: &Path, kept: &Path, staged: &Path) -> io::Result<()> {
    let directory = directory_of(target);
    // It has the other's future name first: once they are exchanged, nothing is left to do.
    fs::rename(staged, kept)?;
    let swap = || renameat_with(CWD, kept, CWD, target, RenameFlags::EXCHANGE);
    let back = |error: io::Error| match fs::rename(kept, staged) {
        Ok(()) => error,
        Err(why) => stuck(&error, (staged, kept), &why),
    };
    match swap() {
        Ok(()) => {}
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            fs::rename(kept, staged)?;
            let renames = [(target, kept), (staged, target)];
            return rename_all(&renames.map(|(from, to)| (from.to_owned(), to.to_owned())), &directory);
        }
        Err(error) => return Err(back(error.into())),
    }
    let Err(error) = files::sync(&directory) else { return Ok(()) };
    Err(match swap() {
        Ok(()) => back(error),
        Err(why) => stuck(&error, (target, kept), &why.into()),
    })
}

/// Renames each first path to its second, in this order, each on the disk before the next. When that fails, what was renamed
/// is renamed back, the latest first.
///
/// # Errors
/// Why it failed, and what is not under its old name again, should there be anything.
pub(super) fn rename_all(renames: &[(PathBuf, PathBuf)], directory: &Path) -> io::Result<()> {
    let mut done = 0;
    let renamed = renames.iter().try_for_each(|(from, to)| {
        fs::rename(from, to)?;
        done += 1;
        files::sync(directory)
    });
    let Err(error) = renamed else { return Ok(()) };
    for (from, to) in renames[..done].iter().rev() {
        if let Err(why) = fs::rename(to, from) {
            // Those before it stay where they are too: a database and its log belong together.
            return Err(stuck(&error, (from, to), &why));
        }
    }
    // A flush may be what has failed.
    let _ = files::sync(directory);
    Err(error)
}

/// What failed, and what is not under its name again.
fn stuck(error: &io::Error, (name, now): (&Path, &Path), why: &io::Error) -> io::Error {
    let stuck = format!("{error}; {} is still named {}: {why}", name.display(), now.display());
    io::Error::new(error.kind(), stuck)
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
    fn two_names_are_exchanged_or_stay() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        let content = |name: &str| fs::read_to_string(path(name)).expect(name);
        for name in ["target", "staged"] {
            fs::write(path(name), name).expect("written");
        }
        exchange(&path("target"), &path("kept"), &path("staged")).expect("exchanged");
        assert_eq!((content("target"), content("kept")), ("staged".to_owned(), "target".to_owned()));
        assert!(!path("staged").exists());
        fs::rename(path("target"), path("staged")).expect("renamed");
        fs::remove_file(path("kept")).expect("removed");
        let error =
            exchange(&path("target"), &path("kept"), &path("staged")).expect_err("there is no target");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(content("staged"), "staged");
        assert!(!path("kept").exists());
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
