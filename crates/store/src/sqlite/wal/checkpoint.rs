//! The writer's part: saying what was committed, and moving the log into the database file when that may be done.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::{Fingerprint, Follower};

/// Frames after which the log is moved into the database file: 16 MiB, as without an archive.
const FRAMES_WANTED: u32 = 4_000;
/// Frames until the next attempt after one that did not move all of it.
const FRAMES_AGAIN: u32 = 1_000;
/// How long a transaction may wait for the archive before that. It is a matter of two flushes of a disk.
const WAIT: Duration = Duration::from_millis(250);
/// How long closing may wait for it.
const WAIT_LAST: Duration = Duration::from_secs(5);

/// Takes the place of SQLite's automatic checkpoints, for a writer whose log is archived.
#[derive(Debug)]
pub(in crate::sqlite) struct Checkpoints {
    follower: Arc<Follower>,
    database: PathBuf,
    /// What others have committed changes it.
    data_version: i64,
    frames: u32,
    next_at: u32,
}

impl Checkpoints {
    /// Begins to tell the follower of what the connection commits.
    pub(in crate::sqlite) fn begin(
        connection: &mut Connection,
        database: &Path,
        follower: &Arc<Follower>,
    ) -> rusqlite::Result<Self> {
        let told = Arc::clone(follower);
        // Called when a transaction is durable, and before anybody is answered.
        let hook = move |_: &mut rusqlite::hooks::Wal, frames: std::ffi::c_int| {
            told.committed(frames.unsigned_abs());
            Ok(())
        };
        connection.wal_hook(Some(hook))?;
        let (follower, database) = (Arc::clone(follower), database.to_owned());
        let data_version = data_version(connection)?;
        let next_at = first_at(&follower);
        Ok(Self { follower, database, data_version, frames: 0, next_at })
    }

    /// Looks, within a transaction, whether others have committed since the last one.
    pub(in crate::sqlite) fn look(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let version = data_version(connection)?;
        if version != self.data_version {
            self.data_version = version;
            self.follower.others_committed();
        }
        Ok(())
    }

    /// Moves the log into the database file if it is long, and archived or too long. Failing is no harm: it is tried again.
    pub(in crate::sqlite) fn keep_short(&mut self, connection: &Connection) {
        let frames = self.follower.frames();
        if frames < self.frames {
            self.next_at = first_at(&self.follower);
        }
        self.frames = frames;
        if frames < self.next_at {
            return;
        }
        self.next_at = frames.saturating_add(FRAMES_AGAIN);
        let archived = self.follower.all_archived(WAIT);
        if archived || frames >= self.follower.frames_max() {
            self.checkpoint(connection, archived, WAIT);
        }
    }

    /// The last of the writer's calls: archives what is left, and leaves an empty log. What could not be archived stays in it.
    pub(in crate::sqlite) fn end(&self, connection: &Connection) {
        if self.follower.end(WAIT_LAST) && self.checkpoint(connection, true, WAIT_LAST) {
            // All of it was moved already. Others who open the database next shall not do it again.
            let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
        self.follower.over();
    }

    /// Moves the log; says whether all of it was, and nobody else had added to it.
    fn checkpoint(&self, connection: &Connection, archived: bool, wait: Duration) -> bool {
        let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        });
        let all = match moved {
            // What others have committed since is not archived.
            Ok((0, frames, moved)) => frames == moved && frames <= i64::from(self.follower.archived_frames()),
            _ => false,
        };
        if archived
            && all
            && let Ok(fingerprint) = Fingerprint::of(&self.database)
        {
            self.follower.checkpointed(fingerprint, wait);
        }
        archived && all
    }
}

/// Frames of a new log after which it is moved for the first time.
fn first_at(follower: &Follower) -> u32 {
    FRAMES_WANTED.min(follower.frames_max())
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
