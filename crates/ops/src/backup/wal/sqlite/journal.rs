//! Writing SQLite's log: the one process that may, file by file.

use std::cell::Cell;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use taskward_core::Timestamp;
use taskward_store::sqlite::wal::{Committed, Mark};

use super::archived::Archived;
use super::segment::{self, End, Line, SegmentId};
use crate::backup::clock::fine_name;
use crate::backup::files;

/// A file that has become this large is followed by another.
const FILE_BYTES: u64 = 16 << 20;
/// The file that whoever writes the log has locked.
const LOCK: &str = ".lock";

/// The directory of the log, for the one who writes it.
#[derive(Debug)]
pub(super) struct Journal {
    dir: PathBuf,
    /// Whether this process has begun the newest file. Those of others are not written to again.
    own_file: Cell<bool>,
    _lock: File,
}

impl Journal {
    /// Takes the right to write, until it is dropped or the process ends.
    pub(super) fn lock(dir: &Path) -> io::Result<Self> {
        files::make_dir(dir)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                io::Error::new(io::ErrorKind::ResourceBusy, "another service writes it")
            }
            TryLockError::Error(error) => error,
        })?;
        Ok(Self { dir: dir.to_owned(), own_file: Cell::new(false), _lock: lock })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether all that is said to be archived is there, as far as its length tells.
    pub(super) fn has(&self, archived: &Archived) -> io::Result<bool> {
        match std::fs::metadata(self.dir.join(archived.id.file_name())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            file => Ok(file?.len() >= archived.bytes),
        }
    }

    /// Begins a chain, whose first transaction is the one after `mark`. The chain `before` ends with that.
    pub(super) fn begin(
        &self,
        before: Option<(&Archived, String)>,
        now: Timestamp,
        mark: Option<Mark>,
    ) -> io::Result<Archived> {
        // Names are in the order of time, also when somebody has set the clock back.
        let newest = super::names(&self.dir).pop().map(|id| id.chain).unwrap_or_default();
        let mut at = now;
        while fine_name(at) <= newest {
            at = at.checked_add(jiff::SignedDuration::from_millis(1)).map_err(io::Error::other)?;
            if at > now && fine_name(at)[..8] < newest[..8] {
                return Err(io::Error::other("the log has files of the future: is the clock right?"));
            }
        }
        let id = SegmentId { chain: fine_name(at), number: 1 };
        let end = before.map(|(before, why)| before.end(Some(why)));
        let mut begun = Archived::begun(id, now, mark);
        self.begin_file(&mut begun, end)?;
        begun.write(&self.dir, true)?;
        Ok(begun)
    }

    /// Adds transactions. They are on the disk when this returns, but count only when `archived` was written.
    pub(super) fn append(
        &self,
        archived: &mut Archived,
        commits: &[(Timestamp, Committed)],
    ) -> io::Result<()> {
        let (Some((_, last)), Some((last_at, _))) = (commits.last(), commits.last()) else { return Ok(()) };
        if archived.bytes >= FILE_BYTES || !self.own_file.get() {
            let end = archived.end(None);
            archived.id.number += 1;
            self.begin_file(archived, Some(end))?;
        }
        let (bytes, sum) = segment::block(&archived.sha256, archived.commits + 1, commits)?;
        let file = OpenOptions::new().write(true).open(self.dir.join(archived.id.file_name()))?;
        // What is behind the place was never said to be archived: of an attempt that failed.
        if file.metadata()?.len() > archived.bytes {
            file.set_len(archived.bytes)?;
        }
        file.write_all_at(&bytes, archived.bytes)?;
        file.sync_data()?;
        archived.bytes += bytes.len() as u64;
        archived.sha256 = sum;
        archived.commits += commits.len() as u64;
        archived.last_at = *last_at;
        archived.mark = Some(last.mark);
        Ok(())
    }

    /// A new file, which may be there from an attempt that failed.
    fn begin_file(&self, archived: &mut Archived, after: Option<End>) -> io::Result<()> {
        let line = Line { format: 1, id: archived.id.clone(), began_at: archived.last_at, after };
        let (bytes, sum) = segment::line(&line)?;
        let path = self.dir.join(archived.id.file_name());
        let mut options = OpenOptions::new();
        let file = options.create(true).write(true).truncate(true).mode(0o600).open(path)?;
        file.write_all_at(&bytes, 0)?;
        file.sync_all()?;
        files::sync(&self.dir)?;
        archived.bytes = bytes.len() as u64;
        archived.sha256 = sum;
        self.own_file.set(true);
        Ok(())
    }
}
