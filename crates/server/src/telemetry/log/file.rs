//! The log file: follows its name, not what it was opened as.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::rotate::{self, Tidier};
use super::{LogFileSettings, Rotation, clock};

/// How often it is looked whether the file was moved away.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long rotating is put off after it failed.
const ROTATE_AGAIN: Duration = Duration::from_secs(60);

/// A file that lines are appended to.
pub(super) struct LogFile {
    path: PathBuf,
    rotation: Option<(Rotation, Tidier)>,
    /// Set when the file shall be opened again.
    reopen: Arc<AtomicBool>,
    opened: Opened,
    looked: Instant,
    rotate_after: Instant,
    /// Whether opening it again failed, and that was said.
    lost: bool,
}

/// An open file.
struct Opened {
    file: File,
    identity: (u64, u64),
    size: u64,
    /// The day its first lines are from, as far as that is known.
    day: i64,
    /// Whether it ends within a line, because its disk was full.
    torn: bool,
}

impl LogFile {
    pub(super) fn open(settings: &LogFileSettings, reopen: Arc<AtomicBool>) -> io::Result<Self> {
        let path = settings.path.clone();
        let opened = Opened::open(&path)?;
        let rotation = settings.rotation.map(|rotation| (rotation, Tidier::default()));
        let (looked, rotate_after) = (Instant::now(), Instant::now());
        let mut file = Self { path, rotation, reopen, opened, looked, rotate_after, lost: false };
        // What an earlier process left half done.
        file.tidy();
        Ok(file)
    }

    /// Makes sure that the next line goes where it belongs.
    fn prepare(&mut self, line: usize) {
        if self.reopen.swap(false, Ordering::AcqRel) {
            self.open_again();
        } else if self.looked.elapsed() >= LOOK_EVERY {
            self.look();
        }
        let now = clock::now();
        if self.is_due(line, now) && Instant::now() >= self.rotate_after {
            // Another process that writes to the same file may have been first.
            self.look();
            if self.is_due(line, now) {
                self.rotate(now);
            }
        }
    }

    /// Looks whether the file is still the one of its name, and how long others have made it.
    fn look(&mut self) {
        self.looked = Instant::now();
        match fs::metadata(&self.path) {
            Ok(found) if identity(&found) == self.opened.identity => self.opened.size = found.len(),
            Ok(_) => self.open_again(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.open_again(),
            // It may be there, and cannot be looked at: lines still arrive.
            Err(_) => {}
        }
    }

    fn open_again(&mut self) {
        self.looked = Instant::now();
        match Opened::open(&self.path) {
            Ok(opened) => {
                self.opened = opened;
                self.lost = false;
            }
            Err(error) => {
                // What was open still takes lines, be it under another name.
                if !std::mem::replace(&mut self.lost, true) {
                    let path = self.path.display();
                    tracing::warn!(%path, error = &error as &dyn std::error::Error, "the log file cannot be opened again");
                }
            }
        }
    }

    fn is_due(&self, line: usize, now: Timestamp) -> bool {
        let Some((rotation, _)) = &self.rotation else { return false };
        let too_large = self.opened.size + line as u64 > rotation.size;
        self.opened.size > 0 && (too_large || self.opened.day != clock::day(now))
    }

    fn rotate(&mut self, now: Timestamp) {
        match rotate::move_away(&self.path, now) {
            Ok(()) => {
                self.open_again();
                self.tidy();
            }
            Err(error) => {
                self.rotate_after = Instant::now() + ROTATE_AGAIN;
                let path = self.path.display();
                tracing::warn!(%path, error = &error as &dyn std::error::Error, "the log file cannot be rotated");
            }
        }
    }

    fn tidy(&mut self) {
        if let Some((rotation, tidier)) = &mut self.rotation {
            tidier.start(&self.path, rotation.keep);
        }
    }
}

impl Write for LogFile {
    /// Writes a whole line, or fails: a part of one is ended before the next.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.prepare(line.len());
        self.opened.append(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Opened {
    /// Not world-readable: lines name tasks, queues and workers.
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o640).open(path)?;
        let found = file.metadata()?;
        let seconds = if found.len() > 0 { found.mtime() } else { clock::now().as_second() };
        let since = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        let (identity, size) = (identity(&found), found.len());
        Ok(Self { file, identity, size, day: clock::day(since), torn: false })
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n")?;
            self.torn = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(written) => {
                    rest = &rest[written..];
                    self.size += written as u64;
                    if written == 0 {
                        return Err(io::ErrorKind::WriteZero.into());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.torn = rest.len() < line.len();
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    const LINE: &[u8] = b"a line of thirty-two characters\n";

    struct Directory(TempDir);

    impl Directory {
        fn new() -> Self {
            Self(TempDir::new().expect("a directory"))
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("a.log")
        }

        fn open(&self, rotation: Option<Rotation>) -> LogFile {
            let settings = LogFileSettings { path: self.path(), rotation };
            LogFile::open(&settings, Arc::default()).expect("opened")
        }

        fn text(&self) -> String {
            fs::read_to_string(self.path()).unwrap_or_default()
        }

        /// The names of the other files, in order.
        fn others(&self) -> Vec<String> {
            let entries = fs::read_dir(self.0.path()).expect("the directory");
            let names =
                entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
            let mut names: Vec<_> = names.filter(|name| name != "a.log").collect();
            names.sort();
            names
        }
    }

    fn wait_for_tidying(file: &mut LogFile) {
        if let Some((_, tidier)) = &mut file.rotation {
            tidier.wait();
        }
    }

    #[test]
    fn a_file_that_was_moved_away_is_opened_again() {
        let directory = Directory::new();
        let mut file = directory.open(None);
        file.write_all(LINE).expect("written");
        fs::rename(directory.path(), directory.0.path().join("moved")).expect("moved");
        file.looked = Instant::now().checked_sub(LOOK_EVERY).expect("a moment ago");
        file.write_all(b"new\n").expect("written");
        assert_eq!(directory.text(), "new\n");
        assert_eq!(fs::read(directory.0.path().join("moved")).expect("read"), LINE);
    }

    #[test]
    fn a_signal_opens_the_file_again_at_once_and_only_its_owner_and_group_may_read_it() {
        let directory = Directory::new();
        let mut file = directory.open(None);
        fs::rename(directory.path(), directory.0.path().join("moved")).expect("moved");
        file.reopen.store(true, Ordering::Release);
        file.write_all(b"new\n").expect("written");
        assert_eq!(directory.text(), "new\n");
        let mode = fs::metadata(directory.path()).expect("there").permissions().mode();
        assert_eq!(mode & 0o137, 0, "{mode:o}");
    }

    #[test]
    fn it_rotates_by_size_compresses_and_keeps_so_many() {
        let directory = Directory::new();
        let mut file = directory.open(Some(Rotation { size: 100, keep: 2 }));
        for _ in 0..12 {
            file.write_all(LINE).expect("written");
            wait_for_tidying(&mut file);
        }
        assert_eq!(directory.text().lines().count(), 3);
        let others = directory.others();
        assert_eq!(others.len(), 2, "{others:?}");
        for name in others {
            assert!(name.starts_with("a.log.2") && name.ends_with(".gz"), "{name}");
            let packed = File::open(directory.0.path().join(&name)).expect("there");
            let mode = packed.metadata().expect("there").permissions().mode();
            assert_eq!(mode & 0o137, 0, "{name}: {mode:o}");
            let text = io::read_to_string(flate2::read::MultiGzDecoder::new(packed)).expect("gzip");
            assert_eq!(text.as_bytes(), LINE.repeat(3));
        }
    }

    #[test]
    fn it_rotates_when_the_day_changes_also_after_a_restart() {
        let directory = Directory::new();
        fs::write(directory.path(), LINE).expect("written");
        let yesterday = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::options()
            .append(true)
            .open(directory.path())
            .expect("there")
            .set_modified(yesterday)
            .expect("set");
        let mut file = directory.open(Some(Rotation { size: 1 << 20, keep: 180 }));
        file.write_all(b"today\n").expect("written");
        wait_for_tidying(&mut file);
        assert_eq!(directory.text(), "today\n");
        assert_eq!(directory.others().len(), 1);
        file.write_all(b"more\n").expect("written");
        assert_eq!(directory.text(), "today\nmore\n");
    }

    #[test]
    fn a_device_is_no_file_to_rotate_and_a_full_one_fails_line_by_line() {
        let settings =
            LogFileSettings { path: "/dev/full".into(), rotation: Some(Rotation { size: 1, keep: 1 }) };
        let mut file = LogFile::open(&settings, Arc::default()).expect("opened");
        for _ in 0..3 {
            let error = file.write_all(LINE).expect_err("full");
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }
}
