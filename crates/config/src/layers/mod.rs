//! The layers: each turns its source into settings, and reports what it can't.

pub(crate) mod files;
pub(crate) mod secrets;
pub(crate) mod variables;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a regular file of at most `bytes_max` bytes. `Ok(None)` when there is no such file; more bytes than
/// that are cut off one byte later, so that the caller can tell.
fn read_limited(path: &Path, bytes_max: u64) -> io::Result<Option<(Vec<u8>, std::fs::Metadata)>> {
    // The type is looked at before opening: to open a named pipe waits for its writer.
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Ok(_) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut content = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut content)?;
    Ok(Some((content, metadata)))
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-'));
    if plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
