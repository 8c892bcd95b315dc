//! `archived.json`: how far the log is archived.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use taskward_core::Timestamp;
use taskward_store::sqlite::wal::{Fingerprint, Mark};

use super::segment::{End, SegmentId};
use crate::backup::manifest::problem;
use crate::backup::{FileFault, FileProblem, files};

/// Its name in the directory of the log.
pub(super) const ARCHIVED: &str = "archived.json";
/// How operators know the file.
const SHOWN: &str = "wal/sqlite/archived.json";

/// How far the log is archived. Written after each block is on the disk, so that what it says is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::backup) struct Archived {
    format: u32,
    /// The newest file.
    pub(super) id: SegmentId,
    /// How much of it counts.
    pub(super) bytes: u64,
    /// The checksum of its last block.
    pub(super) sha256: String,
    /// How many transactions the chain has.
    pub(super) commits: u64,
    /// When the last one was committed, or the chain began.
    pub(super) last_at: Timestamp,
    /// Nothing was committed by then that the log does not have.
    pub(super) complete_until: Timestamp,
    /// The place in SQLite's log up to which it is archived.
    pub(super) mark: Option<Mark>,
    /// The database file when it last had all that was archived, and SQLite's log nothing more.
    pub(super) fingerprint: Option<Fingerprint>,
}

impl Archived {
    /// A chain that begins.
    pub(super) fn begun(id: SegmentId, at: Timestamp, mark: Option<Mark>) -> Self {
        let (bytes, sha256) = (0, String::new());
        let (last_at, complete_until) = (at, at);
        Self { format: 1, id, bytes, sha256, commits: 0, last_at, complete_until, mark, fingerprint: None }
    }

    /// What the next file says of this one.
    pub(super) fn end(&self, gap: Option<String>) -> End {
        End {
            id: self.id.clone(),
            bytes: self.bytes,
            sha256: self.sha256.clone(),
            complete_until: self.complete_until,
            gap,
        }
    }

    /// Writes it; `durably`: so that it is there also after the machine has lost its power.
    pub(super) fn write(&self, dir: &Path, durably: bool) -> io::Result<()> {
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        let sum = files::hash_bytes(&text);
        text.extend_from_slice(sum.as_bytes());
        text.push(b'\n');
        let unfinished = dir.join(format!("{ARCHIVED}.partial"));
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        files::write(&unfinished, &text)?;
        fs::rename(&unfinished, dir.join(ARCHIVED))?;
        if durably { files::sync(dir) } else { Ok(()) }
    }

    /// Reads it; `None` when the directory has no log at all.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, FileProblem> {
        let text = match fs::read(dir.join(ARCHIVED)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && super::names(dir).is_empty() => {
                return Ok(None);
            }
            text => text.map_err(|error| problem(SHOWN, &error))?,
        };
        let changed = || FileProblem {
            file: SHOWN.to_owned(),
            fault: FileFault::Changed,
            detail: "does not have the checksum it had".to_owned(),
        };
        let length = text.iter().position(|byte| *byte == b'\n').ok_or_else(changed)? + 1;
        let (json, sum) = text.split_at(length);
        if sum != format!("{}\n", files::hash_bytes(json)).as_bytes() {
            return Err(changed());
        }
        serde_json::from_slice(json).map(Some).map_err(|_| changed())
    }
}
