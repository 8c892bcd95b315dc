//! The archived log: a compressed file for each of PostgreSQL's, which says of itself what it must hold.
//!
//! `wal/postgres/NAME.gz` is what `gzip` writes. Its header names the file and the SHA-256 of its content, so that a file that was
//! damaged, cut or given another one's name is found out by itself. `incoming/` beside them is what `pg_receivewal` writes to:
//! segments that were closed and not yet compressed, and the one it is in, `NAME.partial`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder, read::GzDecoder};

use super::record::Head;
use super::segment::{LogFile, Segment};
use crate::backup::{BackupError, FileFault, FileProblem, files};

/// The directory of the archived log, within that of backups.
const DIRECTORY: &str = "wal/postgres";
/// What the header of a file says before its checksum.
const CHECKSUM: &str = "sha256:";
/// What an archived file ends with.
pub(super) const ENDING: &str = ".gz";
/// What a file ends with while it is written; the number of the process that does stands before it.
pub(super) const UNFINISHED: &str = ".unfinished";
/// The directory of what comes by streaming.
const INCOMING: &str = "incoming";
/// What the segment ends with that is being received.
pub(super) const PARTIAL: &str = ".partial";

/// The directory of the archived log, within that of backups.
#[derive(Debug, Clone)]
pub(in crate::backup) struct Archive {
    dir: PathBuf,
}

/// How a file was archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backup) enum Put {
    /// It is there now; it takes so many bytes.
    New(u64),
    /// It was there, and holds the same.
    Same,
}

/// Where a file of the log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::backup) enum Found {
    /// Archived.
    Archived(PathBuf),
    /// Received as a whole, and not compressed yet.
    Received(PathBuf),
    /// Being received: what has not come yet is zero.
    Tail(PathBuf),
    /// The end of a timeline that was left.
    Left(PathBuf),
}

impl Archive {
    /// The log that belongs to a directory of backups. Neither need be there.
    pub(in crate::backup) fn new(backups: &Path) -> Self {
        Self { dir: backups.join(DIRECTORY) }
    }

    pub(in crate::backup) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where streaming writes to.
    pub(in crate::backup) fn incoming(&self) -> PathBuf {
        self.dir.join(INCOMING)
    }

    /// Where an archived file is, or would be.
    pub(in crate::backup) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}{ENDING}"))
    }

    /// Archives a file. It has its name when all of it is on the disk.
    ///
    /// # Errors
    /// [`BackupError::LogDiffers`] when there is another file of that name, which stays; [`BackupError::Io`].
    pub(in crate::backup) fn put(&self, name: &str, content: &[u8]) -> Result<Put, BackupError> {
        let path = self.path(name);
        if path.exists() {
            return match read(&path, name) {
                Ok(there) if there == content => {
                    // Whoever put it there may have been killed before its name was on the disk.
                    let flushed = files::sync(&path).and_then(|()| files::sync(&self.dir));
                    flushed.map(|()| Put::Same).map_err(BackupError::io("cannot flush", &path))
                }
                Ok(_) => Err(BackupError::LogDiffers { path, why: "it holds something else".to_owned() }),
                Err(problem) => Err(BackupError::LogDiffers { path, why: problem.to_string() }),
            };
        }
        let unfinished = self.dir.join(format!("{name}.{}{UNFINISHED}", std::process::id()));
        let write = || {
            files::make_dir(&self.dir)?;
            write(&unfinished, name, content)?;
            fs::rename(&unfinished, &path)?;
            files::sync(&self.dir)?;
            path.metadata().map(|it| it.len())
        };
        write().map(Put::New).map_err(|error| {
            // What stays of it is removed when backups are pruned.
            let _ = fs::remove_file(&unfinished);
            BackupError::io("cannot write", &path)(error)
        })
    }

    /// Looks for a file of the log.
    pub(in crate::backup) fn find(&self, name: &str) -> Option<Found> {
        let places = [
            Found::Archived(self.path(name)),
            Found::Received(self.incoming().join(name)),
            Found::Tail(self.incoming().join(format!("{name}{PARTIAL}"))),
            Found::Left(self.path(&format!("{name}{PARTIAL}"))),
        ];
        places.into_iter().find(|found| found.path().is_file())
    }

    /// The content of a file of the log; `None` when it is not there.
    pub(in crate::backup) fn get(&self, name: &str) -> Option<Result<Vec<u8>, FileProblem>> {
        // It may be compressed, and so be somewhere else, between the look and the reading.
        for _ in 0..3 {
            let found = self.find(name)?;
            match found.read(name) {
                Err(problem) if problem.fault == FileFault::Missing => {}
                read => return Some(read),
            }
        }
        None
    }

    /// Whether a segment was archived.
    pub(super) fn has_begun(&self) -> bool {
        let is_segment =
            |name: &String| name.strip_suffix(ENDING).is_some_and(|name| name.parse::<Segment>().is_ok());
        names(&self.dir).iter().any(is_segment)
    }

    /// Segments that are there as a whole or in part, in the order of the log, each once.
    pub(in crate::backup) fn segments(&self) -> Vec<Segment> {
        let (received, archived) = self.names();
        let mut segments: Vec<Segment> = received
            .iter()
            .chain(&archived)
            .filter_map(|name| name.strip_suffix(PARTIAL).unwrap_or(name).parse().ok())
            .collect();
        segments.sort_unstable_by_key(|segment| (segment.place(), segment.timeline));
        segments.dedup();
        segments
    }

    /// The last segment that was received, or is being; `None` where nothing was.
    pub(super) fn last_received(&self) -> Option<(Segment, PathBuf)> {
        let received = names(&self.incoming()).into_iter().filter_map(|name| {
            let segment: Segment = name.strip_suffix(PARTIAL).unwrap_or(&name).parse().ok()?;
            Some((segment, self.incoming().join(name)))
        });
        // A closed one before one that is being received, which cannot both be for long.
        received.max_by_key(|(segment, path)| (segment.timeline, segment.place(), path.extension().is_none()))
    }

    /// The segment whose file a receiver has made and found no room for: it is shorter than segments are, and nothing has come
    /// of it. It counts as not there.
    pub(super) fn unmade(&self, segment_bytes: u64) -> Option<Segment> {
        let (segment, path) = self.last_received()?;
        let is_tail = matches!(self.find(&segment.to_string()), Some(Found::Tail(_)));
        let is_short = path.metadata().is_ok_and(|file| file.len() != segment_bytes);
        (is_tail && is_short && !has_come(&fs::read(&path).ok()?)).then_some(segment)
    }

    /// The names of what was received, and of what is archived. In this order: what is archived in between is seen twice, and
    /// would not be seen at all the other way round.
    fn names(&self) -> (Vec<String>, Vec<String>) {
        let received = names(&self.incoming());
        let archived = names(&self.dir);
        let archived = archived.iter().filter_map(|name| name.strip_suffix(ENDING));
        (received, archived.map(ToOwned::to_owned).collect())
    }

    /// Timelines whose beginning is known.
    pub(in crate::backup) fn timelines(&self) -> Vec<u32> {
        let (received, archived) = self.names();
        let mut timelines: Vec<u32> = received
            .iter()
            .chain(&archived)
            .filter_map(|name| match name.parse() {
                Ok(LogFile::History(timeline)) => Some(timeline),
                _ => None,
            })
            .collect();
        timelines.sort_unstable();
        timelines.dedup();
        timelines
    }
}

impl Found {
    pub(in crate::backup) fn path(&self) -> &Path {
        match self {
            Self::Archived(path) | Self::Received(path) | Self::Tail(path) | Self::Left(path) => path,
        }
    }

    /// Its content, when that is what it must be.
    pub(in crate::backup) fn read(&self, name: &str) -> Result<Vec<u8>, FileProblem> {
        match self {
            Self::Archived(path) => read(path, name),
            Self::Left(path) => read(path, &format!("{name}{PARTIAL}")),
            Self::Received(path) | Self::Tail(path) => {
                let content = fs::read(path).map_err(|error| unreadable(path, &error))?;
                if has_come(&content) || matches!(self, Self::Received(_)) {
                    belongs(name, &content).map_err(|why| changed(path, why))?;
                }
                Ok(content)
            }
        }
    }
}

/// Whether anything has come of a segment: its file is filled with zeros before the first byte does.
pub(super) fn has_come(content: &[u8]) -> bool {
    content.iter().any(|byte| *byte != 0)
}

/// Whether a segment is one, and that of its name.
pub(in crate::backup) fn belongs(name: &str, content: &[u8]) -> Result<(), String> {
    let Ok(LogFile::Segment(segment) | LogFile::Partial(segment)) = name.parse() else { return Ok(()) };
    match Head::of(content) {
        Some(head) if head.fits(segment, content.len()) => Ok(()),
        Some(head) => Err(format!(
            "is no segment {segment}: it has {} bytes, and begins at {}",
            content.len(),
            head.start
        )),
        None => Err("is no segment of PostgreSQL's log".to_owned()),
    }
}

/// Names of the files in a directory; none where there is none.
pub(super) fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

fn write(path: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let checksum = format!("{CHECKSUM}{}", files::hash_bytes(content));
    let file = files::create(path)?;
    // The lowest compression makes most of the difference.
    let mut gzip = GzBuilder::new().filename(name).comment(checksum).write(file, Compression::fast());
    gzip.write_all(content)?;
    gzip.finish()?.sync_all()
}

/// Reads an archived file, and makes sure that it is the one of this name and holds what it held.
fn read(path: &Path, name: &str) -> Result<Vec<u8>, FileProblem> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let (mut gzip, mut content) = (GzDecoder::new(file), Vec::new());
    let read = gzip.read_to_end(&mut content);
    read.map_err(|error| changed(path, format!("cannot be unpacked: {error}")))?;
    let header = gzip.header();
    let text = |bytes: Option<&[u8]>| bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    let is_named = text(header.and_then(|header| header.filename()));
    if is_named.as_deref() != Some(name) {
        return Err(changed(
            path,
            format!("is {}", is_named.as_deref().unwrap_or("no file of this archive")),
        ));
    }
    let expected = text(header.and_then(|header| header.comment()));
    if expected != Some(format!("{CHECKSUM}{}", files::hash_bytes(&content))) {
        return Err(changed(path, "does not have the checksum it had".to_owned()));
    }
    belongs(name, &content).map_err(|why| changed(path, why))?;
    Ok(content)
}

fn shown(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_incoming = path.parent().is_some_and(|parent| parent.ends_with(INCOMING));
    let within = if is_incoming { format!("{INCOMING}/") } else { String::new() };
    format!("{DIRECTORY}/{within}{name}")
}

/// A file that is not what it was.
pub(super) fn changed(path: &Path, detail: String) -> FileProblem {
    FileProblem { file: shown(path), fault: FileFault::Changed, detail }
}

/// A file that is not there.
pub(super) fn missing(path: &Path) -> FileProblem {
    FileProblem { file: shown(path), fault: FileFault::Missing, detail: "is missing".to_owned() }
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> FileProblem {
    crate::backup::manifest::problem(&shown(path), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_archived_is_never_replaced_and_damage_is_found() {
        let dir = tempfile::tempdir().expect("a directory");
        let archive = Archive::new(dir.path());
        let name = "00000002.history";
        assert!(matches!(archive.put(name, b"1\t0/3000000\n"), Ok(Put::New(_))));
        assert_eq!(archive.put(name, b"1\t0/3000000\n").expect("the same"), Put::Same);
        assert!(matches!(archive.put(name, b"1\t0/4000000\n"), Err(BackupError::LogDiffers { .. })));
        assert_eq!(archive.get(name).expect("there").expect("sound"), b"1\t0/3000000\n");
        assert_eq!(archive.timelines(), [2]);
        assert!(!archive.has_begun(), "how timelines came to be is no log");
        fs::rename(archive.path(name), archive.path("00000003.history")).expect("renamed");
        let problem = archive.get("00000003.history").expect("there").expect_err("another's");
        assert_eq!(problem.to_string(), "wal/postgres/00000003.history.gz is 00000002.history");
        assert!(archive.get(name).is_none());
    }
}
