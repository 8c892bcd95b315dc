//! Where the log goes on from a backup.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use taskward_core::Timestamp;
use taskward_store::sqlite::wal::{Fingerprint, Mark, Tail};

use super::archived::Archived;
use super::segment::SegmentId;

/// How long to wait for an archive that is just being written.
const WAIT: Duration = Duration::from_secs(3);
/// How often to look at it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// From where on the log is applied to a backup, and from where on the result is a state that the database was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::backup) struct LogStart {
    /// The file that the next transaction is in, or a later one.
    pub(in crate::backup) id: SegmentId,
    /// How many transactions of the chain the backup has at least. It may have some of those after them.
    pub(super) commits: u64,
    /// When the last of them was committed.
    pub(super) at: Timestamp,
    /// The place in SQLite's log after them.
    pub(super) mark: Option<Mark>,
    /// A place in SQLite's log that the backup is not beyond; `None` when it has just these transactions.
    pub(super) reach: Option<Mark>,
}

impl LogStart {
    /// How far the log is archived, before a copy is begun: the copy has all of that. `None` when the log is not kept, or does
    /// not lead to what the database is now.
    pub(in crate::backup) fn before(backups: &Path, database: &Path) -> Option<Self> {
        let begun = Instant::now();
        loop {
            let archived = Archived::read(&super::directory_in(backups)).ok().flatten()?;
            if Tail::new(database, archived.mark).holds().ok()? || has_all(&archived, database) {
                return Some(Self::of(archived));
            }
            // Between the end of one of SQLite's logs and the archive of the next there is a moment.
            if begun.elapsed() > WAIT {
                return None;
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Looks how far the log goes, now that the copy's moment is fixed: not less far than the copy.
    pub(in crate::backup) fn reaching(self, backups: &Path, database: &Path) -> Option<Self> {
        match Tail::end(database).ok()? {
            Some(reach) => Some(Self { reach: Some(reach), ..self }),
            // The copy has just what was archived, unless somebody has moved the log that did not archive it.
            None => {
                let archived = Archived::read(&super::directory_in(backups)).ok().flatten()?;
                has_all(&archived, database).then(|| Self::of(archived))
            }
        }
    }

    fn of(archived: Archived) -> Self {
        let Archived { id, commits, last_at: at, mark, .. } = archived;
        Self { id, commits, at, mark, reach: None }
    }
}

/// Whether a database file, without its log, has just what was archived.
fn has_all(archived: &Archived, database: &Path) -> bool {
    archived.fingerprint.is_some() && archived.fingerprint == Fingerprint::of(database).ok()
}
