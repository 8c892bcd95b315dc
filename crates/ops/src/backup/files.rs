//! Files, as backups need them: hashed, durable, for their owner only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

/// How much is read at once.
const CHUNK: usize = 1 << 20;

/// Reads a file to its end: its length and SHA-256. `seen` hears of every part.
pub(super) fn hash(path: &Path, seen: &mut dyn FnMut(u64)) -> io::Result<(u64, String)> {
    pump(&mut File::open(path)?, &mut io::sink(), seen)
}

/// Copies a file to a new one, and flushes that to the disk: length and SHA-256 of what was copied.
pub(super) fn copy(from: &Path, to: &Path, seen: &mut dyn FnMut(u64)) -> io::Result<(u64, String)> {
    let mut target = create(to)?;
    let copied = pump(&mut File::open(from)?, &mut target, seen)?;
    target.sync_all()?;
    Ok(copied)
}

fn pump(from: &mut File, to: &mut dyn Write, seen: &mut dyn FnMut(u64)) -> io::Result<(u64, String)> {
    let (mut hasher, mut length, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK]);
    loop {
        match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&chunk[..read]);
                to.write_all(&chunk[..read])?;
                length += read as u64;
                seen(read as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((length, hex(&hasher.finalize())))
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
