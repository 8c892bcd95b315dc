//! Reading what was added to a log.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use taskward_core::Timestamp;

use super::format::{Committed, FRAME_HEADER, Frame, HEADER, Header, Mark};

/// How much of a log is handed over at once, beyond one transaction.
const BYTES_MAX: usize = 4 << 20;

/// By how much a file's time may be too early: it is that of the kernel's last tick, some milliseconds ago, and more where a
/// virtual machine has to wait for its processor.
const TICKS_LATE: SignedDuration = SignedDuration::from_millis(100);

/// A log, read from a place in it on.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    mark: Option<Mark>,
}

/// How a database file was when it was last looked at. Whoever moves a log into it changes this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    inode: u64,
    bytes: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl Fingerprint {
    /// Looks at a database file, without opening it.
    ///
    /// # Errors
    /// When it is not there.
    pub fn of(database: &Path) -> io::Result<Self> {
        let file = fs::metadata(database)?;
        let (modified_s, modified_ns) = (file.mtime(), file.mtime_nsec());
        Ok(Self { inode: file.ino(), bytes: file.len(), modified_s, modified_ns })
    }
}

impl Tail {
    /// The log of a database, which need not be there yet, from a place on. `None`: from its beginning.
    pub fn new(database: &Path, mark: Option<Mark>) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        Self { path: PathBuf::from(path), mark }
    }

    /// The place.
    pub fn mark(&self) -> Option<Mark> {
        self.mark
    }

    /// Goes to another place.
    pub fn go_to(&mut self, mark: Option<Mark>) {
        self.mark = mark;
    }

    /// When it was written to last, at the latest.
    pub fn modified(&self) -> Option<Timestamp> {
        let modified = Timestamp::try_from(fs::metadata(&self.path).ok()?.modified().ok()?).ok()?;
        modified.checked_add(TICKS_LATE).ok()
    }

    /// Whether what was read up to the place is still in the log.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn holds(&self) -> io::Result<bool> {
        let Some(mark) = self.mark else { return Ok(false) };
        let Some((file, header)) = self.open()? else { return Ok(false) };
        if header.start.salts != mark.salts {
            return Ok(false);
        }
        if mark.frame == 0 {
            return Ok(header.start == mark);
        }
        let mut bytes = [0; FRAME_HEADER];
        let frame = match file.read_exact_at(&mut bytes, header.offset(mark.frame)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            read => read.map(|()| Frame::parse(&bytes))?,
        };
        Ok(frame.salts == mark.salts && frame.sums == mark.sums)
    }

    /// Reads transactions from the place on, and moves it behind them; none when there are no more. No more than one is read
    /// when it is large. Not beyond the frame `last`: what is there may not be committed.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn read(&mut self, last: Option<u32>) -> io::Result<Vec<Committed>> {
        let Some((file, header)) = self.open()? else { return Ok(Vec::new()) };
        let mut at = self.mark.unwrap_or(header.start);
        let (mut found, mut pages, mut bytes) = (Vec::new(), Vec::new(), vec![0; header.frame_bytes()]);
        let mut read = 0;
        while last.is_none_or(|last| at.frame < last) && read < BYTES_MAX {
            match file.read_exact_at(&mut bytes, header.offset(at.frame + 1)) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                done => done?,
            }
            let Some((frame, after)) = header.next(at, &bytes) else { break };
            at = after;
            pages.extend_from_slice(&frame.page.to_be_bytes());
            pages.extend_from_slice(&bytes[FRAME_HEADER..]);
            if frame.database_pages > 0 {
                read += pages.len();
                let pages = std::mem::take(&mut pages);
                found.push(Committed { mark: at, database_pages: frame.database_pages, pages });
                self.mark = Some(at);
            }
        }
        Ok(found)
    }

    /// The place after the last transaction in the log, whether it is committed already or not yet; `None` when there is
    /// none. Does not move.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn end(database: &Path) -> io::Result<Option<Mark>> {
        let mut tail = Self::new(database, None);
        while !tail.read(None)?.is_empty() {}
        Ok(tail.mark)
    }

    /// The size of the database's pages, as the log says.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn page_size(&self) -> io::Result<Option<u32>> {
        Ok(self.open()?.map(|(_, header)| header.page_size))
    }

    /// The log's file and header; `None` when there is none, or it is empty.
    fn open(&self) -> io::Result<Option<(File, Header)>> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut bytes = [0; HEADER];
        match file.read_exact_at(&mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            read => read.map(|()| Some((file, Header::parse(&bytes)?))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::{clock, values};

    #[test]
    fn a_log_is_never_older_than_what_was_written_to_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let database = dir.path().join("tasks.db");
        for _ in 0..100 {
            let before = values::moment(clock::now()).expect("a time");
            fs::write(dir.path().join("tasks.db-wal"), before.to_string()).expect("written");
            let modified = Tail::new(&database, None).modified().expect("a time");
            assert!(modified >= before, "{modified} is before {before}");
        }
    }
}
