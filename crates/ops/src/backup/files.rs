//! Files, as backups need them: hashed, durable, for their owner only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use sha2::{Digest, Sha256};

/// How much is read at once: little enough to stay in a processor's cache until it is hashed and written.
const CHUNK: usize = 256 << 10;
/// How many chunks wait to be written while others are hashed.
const CHUNKS_AHEAD: usize = 8;
/// How often a file that somebody else writes is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// After how many bytes that were written a flush begins.
const FLUSH_EVERY: u64 = 64 << 20;

/// Why a file could not be copied.
#[derive(Debug)]
pub(super) enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

/// Reads a file to its end: its length and SHA-256. `seen` hears of every part.
pub(super) fn hash(path: &Path, seen: &mut dyn FnMut(u64)) -> io::Result<(u64, String)> {
    HashedFile::open(path, seen)?.finish()
}

/// Flushes a file to the disk, and hashes it meanwhile, as [`hash`] does.
pub(super) fn sync_and_hash(path: &Path, seen: &mut dyn FnMut(u64)) -> io::Result<(u64, String)> {
    thread::scope(|scope| {
        let flusher = scope.spawn(|| sync(path));
        let hashed = hash(path, seen);
        joined(flusher).and(hashed)
    })
}

/// Hashes and flushes a file while somebody else appends to it, so that little is left to do when it is complete, which
/// `complete` says: length and SHA-256, as [`hash`] tells them.
pub(super) fn follow(path: &Path, complete: &AtomicBool) -> io::Result<(u64, String)> {
    let mut seen = |_| ();
    let mut file = loop {
        match HashedFile::open(path, &mut seen) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !complete.load(Ordering::Acquire) => {
                thread::sleep(LOOK_EVERY);
            }
            opened => break opened?,
        }
    };
    loop {
        // Asked before the end is looked for: what is appended later is none of its.
        let is_all = complete.load(Ordering::Acquire);
        file.read_on()?;
        if is_all {
            return Ok(file.end());
        }
        file.file.sync_data()?;
        thread::sleep(LOOK_EVERY);
    }
}

/// Copies a file to a new one, and flushes that to the disk: length and SHA-256 of what was copied. Hashing, writing and
/// flushing wait for different things, so each has a thread; they share some 2 MiB.
pub(super) fn copy(from: &Path, to: &Path, seen: &mut dyn FnMut(u64)) -> Result<(u64, String), CopyError> {
    let mut source = File::open(from).map_err(CopyError::Read)?;
    let target = create(to).map_err(CopyError::Write)?;
    let (filled, to_write) = mpsc::sync_channel::<(Vec<u8>, usize)>(CHUNKS_AHEAD);
    let (emptied, to_fill) = mpsc::channel();
    let copied = thread::scope(|scope| {
        let writer = scope.spawn(|| write_chunks(&target, to_write, &emptied));
        let (mut hasher, mut length) = (Sha256::new(), 0);
        let hashed = loop {
            let mut chunk = to_fill.try_recv().unwrap_or_else(|_| vec![0; CHUNK]);
            match read_some(&mut source, &mut chunk) {
                Ok(0) => break Ok((length, hex(&hasher.finalize()))),
                Ok(read) => {
                    hasher.update(&chunk[..read]);
                    length += read as u64;
                    seen(read as u64);
                    if filled.send((chunk, read)).is_err() {
                        break Ok((length, String::new())); // The writer has failed, and says why.
                    }
                }
                Err(error) => break Err(CopyError::Read(error)),
            }
        };
        drop(filled);
        joined(writer).map_err(CopyError::Write).and(hashed)
    })?;
    target.sync_all().map_err(CopyError::Write)?;
    Ok(copied)
}

/// Writes chunks as they come, and gives them back. What is written is flushed meanwhile, so that little is left at the end.
fn write_chunks(
    mut file: &File,
    chunks: Receiver<(Vec<u8>, usize)>,
    emptied: &Sender<Vec<u8>>,
) -> io::Result<()> {
    flushing(
        || file.sync_data(),
        |behind| {
            chunks.into_iter().try_for_each(|(chunk, length)| {
                file.write_all(&chunk[..length])?;
                behind.wrote(length);
                let _ = emptied.send(chunk); // Nobody reads any more.
                Ok(())
            })
        },
    )
}

/// Flushes what is written, every now and then, while the writing goes on.
pub(super) struct FlushBehind {
    flush: SyncSender<()>,
    unflushed: u64,
}

impl FlushBehind {
    /// So many bytes more are to be flushed.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.unflushed += bytes as u64;
        // One that has not ended takes this along, or leaves it to the next.
        if self.unflushed >= FLUSH_EVERY && self.flush.try_send(()).is_ok() {
            self.unflushed = 0;
        }
    }
}

/// Does a work that writes, and flushes on a thread of its own what it says it has written. What was written last is left
/// to be flushed.
pub(super) fn flushing<T>(
    flush: impl Fn() -> io::Result<()> + Send,
    work: impl FnOnce(&mut FlushBehind) -> io::Result<T>,
) -> io::Result<T> {
    let (asked, wanted) = mpsc::sync_channel(1);
    thread::scope(|scope| {
        let flusher = scope.spawn(move || wanted.into_iter().try_for_each(|()| flush()));
        let mut behind = FlushBehind { flush: asked, unflushed: 0 };
        let done = work(&mut behind);
        drop(behind);
        let flushed = joined(flusher);
        done.and_then(|done| flushed.map(|()| done))
    })
}

/// A file that is hashed as it is read.
pub(super) struct HashedFile<'a> {
    file: File,
    hasher: Sha256,
    length: u64,
    seen: &'a mut dyn FnMut(u64),
}

impl<'a> HashedFile<'a> {
    /// `seen` hears of every part.
    pub(super) fn open(path: &Path, seen: &'a mut dyn FnMut(u64)) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, hasher: Sha256::new(), length: 0, seen })
    }

    /// Reads what is left of it: its length and SHA-256, as [`hash`] tells them.
    pub(super) fn finish(mut self) -> io::Result<(u64, String)> {
        self.read_on()?;
        Ok(self.end())
    }

    /// Reads as far as there is something.
    fn read_on(&mut self) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        while read_some(self, &mut chunk)? > 0 {}
        Ok(())
    }

    fn end(self) -> (u64, String) {
        (self.length, hex(&self.hasher.finalize()))
    }
}

impl Read for HashedFile<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(to)?;
        self.hasher.update(&to[..read]);
        self.length += read as u64;
        (self.seen)(read as u64);
        Ok(read)
    }
}

fn read_some(from: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// What a thread has answered; a panic goes on here.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}

/// SHA-256 of some bytes.
pub(super) fn hash_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new file for its owner only.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes a new file, and flushes it to the disk.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A directory for its owner only, with those above it. One that is there is left as it is.
pub(super) fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Flushes a file, or the names in a directory, to the disk.
pub(super) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Flushes everything on the file system that holds `path`.
pub(super) fn sync_all(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(path)?)?)
}

/// Bytes that this process may still write to the file system of a directory.
pub(super) fn free(dir: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(dir)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Bytes of the files in a directory, and below it.
pub(super) fn size(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_bytes_and_the_checksum_of_its_original() {
        let dir = tempfile::tempdir().expect("a directory");
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let bytes: Vec<u8> = (0..CHUNK * (CHUNKS_AHEAD + 3) + 5).map(|place| (place % 251) as u8).collect();
        fs::write(&from, &bytes).expect("written");
        let (mut seen, hashed) = (0, hash(&from, &mut |_| ()).expect("read"));
        assert_eq!(hashed, (bytes.len() as u64, hash_bytes(&bytes)));
        assert_eq!(copy(&from, &to, &mut |more| seen += more).expect("copied"), hashed);
        assert_eq!(seen, bytes.len() as u64);
        assert!(fs::read(&to).expect("read") == bytes);
    }

    #[test]
    fn a_file_is_followed_while_it_is_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("grows");
        let (complete, bytes) = (AtomicBool::new(false), vec![7; 3 * CHUNK + 5]);
        let followed = thread::scope(|scope| {
            let follower = scope.spawn(|| follow(&path, &complete));
            let mut file = create(&path).expect("made");
            for part in bytes.chunks(CHUNK / 2) {
                file.write_all(part).expect("written");
                thread::yield_now();
            }
            complete.store(true, Ordering::Release);
            joined(follower)
        });
        assert_eq!(followed.expect("read"), (bytes.len() as u64, hash_bytes(&bytes)));
        let none = follow(&dir.path().join("never there"), &complete);
        assert!(none.is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
    }

    #[test]
    fn what_cannot_be_read_and_what_cannot_be_written_are_told_apart() {
        let dir = tempfile::tempdir().expect("a directory");
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        assert!(matches!(copy(&from, &to, &mut |_| ()), Err(CopyError::Read(_))));
        fs::write(&from, b"bytes").expect("written");
        fs::write(&to, b"is there").expect("written");
        assert!(matches!(copy(&from, &to, &mut |_| ()), Err(CopyError::Write(_))));
        let full = File::options().write(true).open("/dev/full").expect("Linux");
        let (chunks, to_write) = mpsc::channel();
        chunks.send((vec![1; 9], 9)).expect("taken");
        drop(chunks);
        assert!(write_chunks(&full, to_write, &mpsc::channel().0).is_err());
    }
}
