//! Rotating: moving the file away under a name with the time, and then, in a thread of its own, compressing what
//! was moved away and deleting what is too old.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

/// Files that are rotated within one second.
const SAME_SECOND_MAX: u32 = 1_000;
const PACKED: &str = ".gz";
const HALF_PACKED: &str = ".gz.part";

/// Moves a file away: `a.log` becomes `a.log.2026-11-23T140509Z`. Behind a symbolic link it is the file that is
/// moved, and the link stays.
pub(super) fn move_away(path: &Path, now: Timestamp) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let target = free_name(&path, now)?;
    fs::rename(&path, &target).inspect_err(|_| drop(fs::remove_file(&target)))
}

/// A name that nothing has, taken by an empty file: another process may rotate at the same time.
fn free_name(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let stamp = now.strftime("%Y-%m-%dT%H%M%SZ").to_string();
    for number in 0..SAME_SECOND_MAX {
        let number = if number == 0 { String::new() } else { format!("-{number:03}") };
        let name = with_suffix(path, &format!(".{stamp}{number}"));
        if with_suffix(&name, PACKED).exists() {
            continue;
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o640).open(&name) {
            Ok(_) => return Ok(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Compresses and deletes, at most once at a time.
#[derive(Debug, Default)]
pub(super) struct Tidier(Option<JoinHandle<()>>);

impl Tidier {
    /// Starts a round, unless the last one still runs: the next rotation then does what is left.
    pub(super) fn start(&mut self, path: &Path, keep: usize) {
        let Ok(path) = fs::canonicalize(path) else { return };
        if self.0.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let round = move || {
            if let Err(error) = tidy(&path, keep) {
                let path = path.display();
                tracing::warn!(%path, error = &error as &dyn std::error::Error, "rotated log files cannot be tidied up");
            }
        };
        // Without a thread it stays undone until the next rotation.
        self.0 = thread::Builder::new().name("taskward-log-tidy".to_owned()).spawn(round).ok();
    }

    #[cfg(test)]
    pub(super) fn wait(&mut self) {
        if let Some(thread) = self.0.take() {
            thread.join().expect("no panic");
        }
    }
}

/// Deletes all rotated files but the newest `keep`, and compresses those.
fn tidy(path: &Path, keep: usize) -> io::Result<()> {
    let mut rotated = rotated(path)?;
    let surplus = rotated.len().saturating_sub(keep);
    for old in rotated.drain(..surplus) {
        for suffix in ["", PACKED, HALF_PACKED] {
            remove(&with_suffix(&old, suffix))?;
        }
    }
    rotated.iter().filter(|name| name.exists()).try_for_each(|name| pack(name))
}

fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// The names that this module has given, without what compressing appends, the oldest first. What logrotate or
/// a person has named is theirs.
fn rotated(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
    else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let file = entry?.file_name();
        let stamp = file.to_str().and_then(|file| file.strip_prefix(name)?.strip_prefix('.'));
        let stamp = stamp
            .map(|stamp| stamp.strip_suffix(HALF_PACKED).or(stamp.strip_suffix(PACKED)).unwrap_or(stamp));
        if let Some(stamp) = stamp.filter(|stamp| is_stamp(stamp)) {
            names.push(with_suffix(path, &format!(".{stamp}")));
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Whether a text is the time that [`free_name`] gives.
fn is_stamp(text: &str) -> bool {
    const SHAPE: &str = "0000-00-00T000000Z";
    let (stamp, number) = text.split_at_checked(SHAPE.len()).unwrap_or((text, "-"));
    let fits = |(c, shape): (char, char)| if shape == '0' { c.is_ascii_digit() } else { c == shape };
    let is_number = |number: &str| number.len() == 3 && number.chars().all(|c| c.is_ascii_digit());
    stamp.len() == SHAPE.len()
        && stamp.chars().zip(SHAPE.chars()).all(fits)
        && (number.is_empty() || number.strip_prefix('-').is_some_and(is_number))
}

/// Compresses a file: beside it, durably, and only then instead of it.
fn pack(path: &Path) -> io::Result<()> {
    let plain = File::open(path)?;
    if plain.try_lock().is_err() {
        // Another process is at it.
        return Ok(());
    }
    let part = with_suffix(path, HALF_PACKED);
    let packing = || -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&part)?;
        let mut packed = GzEncoder::new(file, Compression::default());
        io::copy(&mut &plain, &mut packed)?;
        let file = packed.finish()?;
        // The time of its last line, not of its compression.
        file.set_modified(plain.metadata()?.modified()?)?;
        file.sync_all()?;
        fs::rename(&part, with_suffix(path, PACKED))?;
        fs::remove_file(path)
    };
    packing().inspect_err(|_| drop(fs::remove_file(&part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_touched() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.log");
        let ours =
            ["a.log.2026-11-22T000001Z", "a.log.2026-11-23T000001Z-001", "a.log.2026-11-23T000001Z.gz"];
        let theirs =
            ["a.log.1", "a.log-20261123.gz", "a.log.2026-11-22", "b.log.2026-11-22T000001Z", "a.log.gz"];
        for name in ours.iter().chain(&theirs) {
            fs::write(directory.path().join(name), "x").expect("written");
        }
        tidy(&path, 1).expect("tidied");
        let mut left: Vec<_> = fs::read_dir(directory.path())
            .expect("the directory")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .filter(|name| !theirs.contains(&name.as_str()))
            .collect();
        left.sort();
        assert_eq!(left, ["a.log.2026-11-23T000001Z-001.gz"]);
        assert!(theirs.iter().all(|name| directory.path().join(name).exists()));
    }

    #[test]
    fn a_name_is_never_given_twice() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.log");
        let now: Timestamp = "2026-11-23T14:05:09Z".parse().expect("a time");
        for _ in 0..3 {
            fs::write(&path, "x").expect("written");
            move_away(&path, now).expect("moved");
        }
        let names: Vec<_> = rotated(&path).expect("listed");
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(names[0].ends_with("a.log.2026-11-23T140509Z"), "{names:?}");
    }
}
