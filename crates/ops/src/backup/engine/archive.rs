//! The archives that a base backup consists of, and what they are compressed by: a suffix says it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::{JoinHandle, spawn_blocking};

use crate::backup::{BackupError, FileEntry, files};

/// The archive of the data directory.
pub(in crate::backup) const BASE: &str = "base.tar";
/// The archive of the log that the data directory needs.
pub(in crate::backup) const WAL: &str = "pg_wal.tar";

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backup) enum Compression {
    /// By servers that know nothing better.
    Gzip,
    /// By all others.
    Zstd,
}

impl Compression {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
        }
    }

    /// What the name of an archive says.
    pub(in crate::backup) fn of(archive: &Path) -> Self {
        if archive.extension().is_some_and(|suffix| suffix == "gz") { Self::Gzip } else { Self::Zstd }
    }

    /// Writes what is in an archive.
    pub(in crate::backup) fn unpack(self, archive: impl Read, to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Gzip => io::copy(&mut flate2::read::MultiGzDecoder::new(archive), to).map(drop),
            Self::Zstd => zstd::stream::copy_decode(archive, to),
        }
    }
}

/// Whether a file is the archive of this name, however it is compressed.
pub(in crate::backup) fn is_named(file: &str, name: &str) -> bool {
    let suffix = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
    [Compression::Zstd, Compression::Gzip].iter().any(|by| suffix == Some(by.suffix()))
}

/// The archive of this name in the directory of a backup.
fn find(dir: &Path, name: &str) -> Result<PathBuf, BackupError> {
    let mut candidates = [Compression::Zstd, Compression::Gzip]
        .map(|by| dir.join(format!("{name}.{}", by.suffix())))
        .into_iter();
    candidates.find(|path| path.is_file()).ok_or_else(|| BackupError::Program {
        program: "pg_basebackup".to_owned(),
        why: format!("there is no {name} in {}", dir.display()),
    })
}

/// An archive that is still written, until this is dropped.
pub(super) struct Growing(Arc<AtomicBool>);

impl Drop for Growing {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Hashes and flushes the archive of the data directory while it is written.
pub(super) fn follow(dir: &Path, by: Compression) -> (Growing, JoinHandle<Result<FileEntry, BackupError>>) {
    let name = format!("{BASE}.{}", by.suffix());
    let complete = Arc::new(AtomicBool::new(false));
    let (growing, path) = (Growing(Arc::clone(&complete)), dir.join(&name));
    let followed = spawn_blocking(move || {
        let hashed = files::follow(&path, &complete);
        let (bytes, sha256) = hashed.map_err(BackupError::io("cannot read", &path))?;
        Ok(FileEntry { name, bytes, sha256 })
    });
    (growing, followed)
}

/// Sees to it that both archives are there. A server that compresses leaves the log to us, which it sends beside
/// the archive.
pub(super) fn complete(dir: &Path) -> Result<(), BackupError> {
    let log = dir.join(WAL);
    if log.is_file() {
        let packed = dir.join(format!("{WAL}.{}", Compression::Zstd.suffix()));
        let pack = || {
            zstd::stream::copy_encode(File::open(&log)?, files::create(&packed)?, 1)?;
            fs::remove_file(&log)
        };
        pack().map_err(BackupError::io("cannot compress", &log))?;
    }
    [BASE, WAL].iter().try_for_each(|name| find(dir, name).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_compressed_and_unpacked_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = vec![7; 1 << 20];
        fs::write(dir.path().join(WAL), &log).expect("written");
        fs::write(dir.path().join("base.tar.gz"), b"").expect("written");
        complete(dir.path()).expect("both");
        let packed = find(dir.path(), WAL).expect("found");
        assert!(!dir.path().join(WAL).exists() && packed.metadata().expect("there").len() < 1 << 12);
        let mut unpacked = Vec::new();
        let archive = File::open(&packed).expect("opened");
        Compression::of(&packed).unpack(archive, &mut unpacked).expect("unpacked");
        assert!(unpacked == log);
    }

    #[test]
    fn an_archive_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join(WAL), b"log").expect("written");
        let refused = complete(dir.path());
        assert!(matches!(refused, Err(BackupError::Program { why, .. }) if why.contains(BASE)));
    }
}
