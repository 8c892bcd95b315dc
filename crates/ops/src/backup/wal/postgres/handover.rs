//! `taskward backup archive-wal|fetch-wal`: what PostgreSQL's `archive_command` and `restore_command` call.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::archive::{Archive, Put, belongs, has_come};
use super::record::{Head, Reader};
use super::segment::{LogFile, Segment};
use super::tail::Tail;
use crate::backup::{BackupError, files};

/// A file of the log that is in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Archived {
    /// Its name.
    pub name: String,
    /// Its size as PostgreSQL knows it, in bytes.
    pub bytes: u64,
    /// The room it takes in the archive; `None` when the same file was there already.
    pub archived_bytes: Option<u64>,
}

/// Archives a file of PostgreSQL's log in a directory of backups. Needs no database and no service. When this returns, the
/// file is on the disk.
///
/// # Errors
/// [`BackupError::NotLog`] when this is no file of the log; [`BackupError::LogMissing`] when it is not there;
/// [`BackupError::LogDiffers`] when the archive has another file of this name, or is of another cluster;
/// [`BackupError::Io`].
pub fn archive_wal(backups: &Path, path: &Path) -> Result<Archived, BackupError> {
    let refused = |why: String| BackupError::NotLog { path: path.to_owned(), why };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let kind: LogFile = name
        .parse()
        .map_err(|()| refused("its name is none of a file that PostgreSQL archives".to_owned()))?;
    let content = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BackupError::LogMissing(path.display().to_string()),
        io::ErrorKind::IsADirectory => refused("it is a directory".to_owned()),
        _ => BackupError::io("cannot read", path)(error),
    })?;
    belongs(name, &content).map_err(|why| refused(format!("it {why}")))?;
    let archive = Archive::new(backups);
    let tail = Tail::read(&archive).unwrap_or_default();
    if let (Some(head), Some(tail)) = (Head::of(&content), &tail)
        && tail.system != head.system.to_string()
    {
        let why = format!("the log there is of the cluster {}, this one of {}", tail.system, head.system);
        return Err(BackupError::LogDiffers { path: archive.dir().to_owned(), why });
    }
    let put = archive.put(name, &content)?;
    if let LogFile::Segment(segment) | LogFile::Partial(segment) = kind {
        extend(&archive, name, segment, &content, tail)?;
    }
    let archived_bytes = if let Put::New(bytes) = put { Some(bytes) } else { None };
    Ok(Archived { name: name.to_owned(), bytes: content.len() as u64, archived_bytes })
}

/// Writes down that the log reaches to the end of this segment, if it did not reach further.
fn extend(
    archive: &Archive,
    name: &str,
    segment: Segment,
    content: &[u8],
    tail: Option<Tail>,
) -> Result<(), BackupError> {
    let order = |segment: Segment| (segment.timeline, segment.place());
    let last = tail.as_ref().and_then(|tail| tail.file.get(..24)?.parse().ok());
    if last.is_some_and(|last| order(last) > order(segment)) {
        return Ok(());
    }
    let Some(head) = Head::of(content) else { return Ok(()) };
    let mut at = tail.and_then(|tail| tail.at);
    Reader::default().read(content, &mut |commit| at = at.max(Some(commit.at)));
    let tail = Tail {
        system: head.system.to_string(),
        segment_bytes: head.size,
        file: name.to_owned(),
        bytes: content.len() as u64,
        sha256: files::hash_bytes(content),
        at,
    };
    tail.write(archive)
}

/// Fetches a file of PostgreSQL's log from a directory of backups. The segment that was being received when the log ended
/// counts as one, if anything had come of it: what had not is empty.
///
/// # Errors
/// [`BackupError::NotLog`] when the name is none of a file of the log; [`BackupError::LogMissing`];
/// [`BackupError::Damaged`]; [`BackupError::Io`].
pub fn fetch_wal(backups: &Path, name: &str, to: &Path) -> Result<u64, BackupError> {
    fetch(&Archive::new(backups), name, to)
}

pub(super) fn fetch(archive: &Archive, name: &str, to: &Path) -> Result<u64, BackupError> {
    if name.parse::<LogFile>().is_err() {
        let why = "this is no name of a file that PostgreSQL archives".to_owned();
        return Err(BackupError::NotLog { path: name.into(), why });
    }
    let content = match archive.get(name) {
        None => return Err(BackupError::LogMissing(name.to_owned())),
        Some(Err(problem)) => return Err(super::damaged(vec![problem])),
        // Where the log ends, the server that asks goes on without it.
        Some(Ok(content)) if !has_come(&content) => return Err(BackupError::LogMissing(name.to_owned())),
        Some(Ok(content)) => content,
    };
    fs::write(to, &content).map_err(BackupError::io("cannot write", to))?;
    Ok(content.len() as u64)
}
