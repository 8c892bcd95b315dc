//! Applying what a log had to a copy of the database.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::format::number;
use crate::StoreError;

/// A copy of a database that transactions are applied to. Each brings whole pages, so it does no harm when some of them are in
/// the copy already, as long as all up to what the copy holds are applied.
#[derive(Debug)]
pub struct Replay {
    file: File,
    page_size: usize,
    pages: u32,
}

impl Replay {
    /// Opens a copy that nobody uses.
    ///
    /// # Errors
    /// When it cannot be opened, or is no database.
    pub fn open(copy: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(copy)?;
        let mut size = [0; 2];
        file.read_exact_at(&mut size, 16)?;
        // The largest size does not fit its field, and is written as 1.
        let page_size = match u16::from_be_bytes(size) {
            1 => 65_536,
            size => usize::from(size),
        };
        if page_size < 512 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no database"));
        }
        let pages = u32::try_from(file.metadata()?.len() / page_size as u64).unwrap_or(u32::MAX);
        Ok(Self { file, page_size, pages })
    }

    /// Applies one transaction: pages with their numbers, as [`super::Committed`] has them, and how many pages the database
    /// has afterwards.
    ///
    /// # Errors
    /// When the pages have another size than the copy's; when it cannot be written.
    pub fn apply(&mut self, pages: &[u8], database_pages: u32) -> io::Result<()> {
        let chunks = pages.chunks_exact(4 + self.page_size);
        if !chunks.remainder().is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its pages have another size"));
        }
        for page in chunks {
            let place = u64::from(number(page).saturating_sub(1)) * self.page_size as u64;
            self.file.write_all_at(&page[4..], place)?;
        }
        if database_pages != self.pages || !pages.is_empty() {
            self.file.set_len(u64::from(database_pages) * self.page_size as u64)?;
            self.pages = database_pages;
        }
        Ok(())
    }

    /// Flushes the copy to the disk.
    ///
    /// # Errors
    /// When that fails.
    pub fn close(self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Makes a copy that was replayed stand alone: it says of itself that it has no log.
///
/// # Errors
/// [`StoreError::Corrupt`] when it is no database.
pub fn finish(copy: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(copy, flags)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    if mode != "delete" {
        return Err(StoreError::Rejected(format!("the copy's journal mode is {mode}").into()));
    }
    connection.close().map_err(|(_, error)| error.into())
}
