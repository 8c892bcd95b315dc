//! The end of the archived log, written down: what is missing after the last file would not be missed otherwise, and what
//! is being received has no checksum of its own.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use taskward_core::Timestamp;

use super::archive::{Archive, PARTIAL, UNFINISHED, changed, missing, unreadable};
use super::segment::{Lsn, Segment};
use crate::backup::{BackupError, FileProblem, files};

/// Its name.
const NAME: &str = "end.json";

/// Up to where the log is archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::backup) struct Tail {
    /// Which cluster the log is of.
    pub(in crate::backup) system: String,
    /// The size of its segments.
    pub(in crate::backup) segment_bytes: u64,
    /// The last file.
    pub(in crate::backup) file: String,
    /// How much of it was there, in bytes.
    pub(in crate::backup) bytes: u64,
    /// The SHA-256 of that.
    pub(in crate::backup) sha256: String,
    /// Everything that was committed by then is in the log; by the server's clock. `None` where nobody could say: then the
    /// last commit in the log is the last that is known.
    pub(in crate::backup) at: Option<Timestamp>,
}

impl Tail {
    fn path(archive: &Archive) -> PathBuf {
        archive.dir().join(NAME)
    }

    /// Reads it; `None` where nothing was ever archived.
    pub(in crate::backup) fn read(archive: &Archive) -> Result<Option<Self>, FileProblem> {
        let path = Self::path(archive);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| changed(&path, format!("cannot be understood: {error}"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // No segment that was received is archived before this is written down for the first time, which may be
                // since it was looked for.
                match (archive.has_begun(), Self::is_there(archive)) {
                    (false, _) => Ok(None),
                    (true, true) => Self::read(archive),
                    (true, false) => Err(missing(&path)),
                }
            }
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    /// Whether it was written.
    pub(super) fn is_there(archive: &Archive) -> bool {
        Self::path(archive).is_file()
    }

    /// Writes it, in the place of the one from before.
    pub(in crate::backup) fn write(&self, archive: &Archive) -> Result<(), BackupError> {
        let path = Self::path(archive);
        let unfinished = archive.dir().join(format!("{NAME}.{}{UNFINISHED}", std::process::id()));
        let write = || {
            // It may be there from a write that found no room.
            let _ = fs::remove_file(&unfinished);
            files::make_dir(archive.dir())?;
            files::write(&unfinished, &serde_json::to_vec(self)?)?;
            fs::rename(&unfinished, &path)
        };
        write().map_err(BackupError::io("cannot write", &path))
    }

    /// Whether the last file is there, and what it was as far as it goes.
    pub(in crate::backup) fn verify(&self, archive: &Archive) -> Result<(), FileProblem> {
        let name = self.file.strip_suffix(PARTIAL).unwrap_or(&self.file);
        let Some(found) = archive.find(name) else { return Err(missing(&archive.path(name))) };
        let content = match archive.get(name) {
            Some(read) => read?,
            None => return Err(missing(found.path())),
        };
        let sealed = usize::try_from(self.bytes).ok().and_then(|bytes| content.get(..bytes));
        if sealed.map(files::hash_bytes).as_ref() == Some(&self.sha256) {
            return Ok(());
        }
        Err(changed(found.path(), "does not have the checksum it had".to_owned()))
    }
}

/// Follows the segment that is being received, and reads every byte of it once.
#[derive(Debug, Default)]
pub(super) struct Follower {
    of: Option<(Segment, u64, Sha256)>,
}

impl Follower {
    /// The tail when everything before `flushed` is there; `None` when the files do not show that just now.
    pub(super) fn tail(
        &mut self,
        archive: &Archive,
        (system, segment_bytes): (&str, u64),
        flushed: Lsn,
        at: Option<Timestamp>,
    ) -> Result<Option<Tail>, BackupError> {
        let Some((segment, path)) = archive.last_received() else { return Ok(None) };
        let start = segment.start(segment_bytes);
        let Some(bytes) = flushed.0.checked_sub(start.0).filter(|bytes| *bytes <= segment_bytes) else {
            return Ok(None);
        };
        let known = self.of.take().filter(|(of, read, _)| *of == segment && *read <= bytes);
        let (_, read, mut hasher) = known.unwrap_or((segment, 0, Sha256::new()));
        let new = match part(&path, read, bytes - read) {
            // It was closed, and so renamed, since it was looked for.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            new => new.map_err(BackupError::io("cannot read", &path))?,
        };
        hasher.update(new);
        let sha256 = hasher.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.of = Some((segment, bytes, hasher));
        let file = segment.to_string();
        Ok(Some(Tail { system: system.to_owned(), segment_bytes, file, bytes, sha256, at }))
    }
}

fn part(path: &Path, from: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut part = Vec::new();
    file.take(bytes).read_to_end(&mut part)?;
    Ok(part)
}
