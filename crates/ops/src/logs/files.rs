//! The files of a log: the one that is written, and those that were rotated by us, by logrotate or by hand.

use std::fs::{self, File, Metadata};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;

use super::LogError;
use crate::paths::with_suffix;

const BUFFER_BYTES: usize = 64 * 1024;

/// The files of a log, the oldest first.
pub(super) struct LogFiles {
    /// Rotated files, by the time of their last line.
    pub(super) rotated: Vec<LogFile>,
    /// The file that is written, open; there may be none just after a rotation.
    pub(super) current: Option<(LogFile, File)>,
}

/// A file that can be read.
#[derive(Debug, Clone)]
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    modified: SystemTime,
    identity: (u64, u64),
}

impl LogFile {
    fn of(path: PathBuf, found: &Metadata) -> Self {
        let modified = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Self { path, modified, identity: identity(found) }
    }

    /// The time of its last line, as far as that is known.
    pub(super) fn written_at(&self) -> Option<Timestamp> {
        Timestamp::try_from(self.modified).ok()
    }

    /// Whether all its lines are from before a time, as far as that is known.
    pub(super) fn ends_before(&self, time: Timestamp) -> bool {
        self.written_at().is_some_and(|modified| modified < time)
    }

    /// Opens it; one that was compressed meanwhile has another name now.
    pub(super) fn open(&self) -> Result<Box<dyn BufRead>, LogError> {
        let packed = with_suffix(&self.path, ".gz");
        let opened = File::open(&self.path).map(|file| (file, &self.path));
        let opened =
            opened.or_else(|error| File::open(&packed).map(|file| (file, &packed)).map_err(|_| error));
        let (file, path) = opened.map_err(|error| LogError::of(&self.path, error))?;
        Ok(if is_packed(path) {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(BufReader::new(file))))
        } else {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, file))
        })
    }
}

impl LogFiles {
    /// Finds them. The current one is opened before the others are listed, so that a rotation in between loses
    /// nothing.
    pub(super) fn find(path: &Path) -> Result<Self, LogError> {
        // Behind a link the rotated files are beside the file, not beside the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let current = match open_current(&path) {
            Err(LogError::Missing(_)) => None,
            other => Some(other?),
        };
        let written = current.as_ref().map(|(file, _)| file.identity);
        let mut rotated = list(&path)?;
        rotated.retain(|file| Some(file.identity) != written);
        if current.is_none() && rotated.is_empty() {
            return Err(LogError::Missing(path));
        }
        Ok(Self { rotated, current })
    }
}

/// Opens the file that is written.
pub(super) fn open_current(path: &Path) -> Result<(LogFile, File), LogError> {
    let file = File::open(path).map_err(|error| LogError::of(path, error))?;
    let found = file.metadata().map_err(|error| LogError::of(path, error))?;
    if !found.is_file() {
        return Err(LogError::NotAFile(path.to_owned()));
    }
    Ok((LogFile::of(path.to_owned(), &found), file))
}

pub(super) fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn list(path: &Path) -> Result<Vec<LogFile>, LogError> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
    else {
        return Ok(Vec::new());
    };
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => return Err(LogError::of(path, error)),
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let file = entry.file_name();
        let rest = file.to_str().and_then(|file| file.strip_prefix(name));
        if rest.is_some_and(is_rotated)
            && let Ok(metadata) = entry.metadata()
            && metadata.is_file()
        {
            found.push(LogFile::of(directory.join(&file), &metadata));
        }
    }
    found.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
    // While a file is compressed there are both: the compressed one appears when it is whole.
    let packed: Vec<PathBuf> =
        found.iter().filter(|file| is_packed(&file.path)).map(|file| file.path.with_extension("")).collect();
    found.retain(|file| !packed.contains(&file.path));
    Ok(found)
}

/// Whether what follows a log's name is what rotating appends: `.1`, `-20261123.gz`, `.2026-11-23T140509Z.gz`.
fn is_rotated(rest: &str) -> bool {
    let number = rest.strip_suffix(".gz").unwrap_or(rest);
    number.starts_with(['.', '-'])
        && number.contains(|c: char| c.is_ascii_digit())
        && number.chars().all(|c| c.is_ascii_digit() || ".-:_TZ".contains(c))
}

fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_are_known_by_their_names() {
        for rest in
            [".1", ".2.gz", "-20261123", "-20261123.gz", ".2026-11-23T140509Z.gz", ".2026-11-23T140509Z-001"]
        {
            assert!(is_rotated(rest), "{rest}");
        }
        for rest in ["", ".gz", ".old", ".bak.1x", ".2026-11-23T140509Z.gz.part", "2"] {
            assert!(!is_rotated(rest), "{rest}");
        }
    }
}
