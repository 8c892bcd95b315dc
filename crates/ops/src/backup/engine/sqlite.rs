//! SQLite: the file, by the online backup interface, counted as it was copied.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use taskward_config::WalMode;
use taskward_store::{Examined, StoreError, sqlite};
use tokio::task::spawn_blocking;

use super::{Copied, join};
use crate::backup::wal::LogStart;
use crate::backup::{BackupError, BackupSettings, Listener, Progress};

/// The name of the copy.
pub(in crate::backup) const DATABASE: &str = "taskward.db";

pub(super) async fn copy(
    settings: &BackupSettings,
    from: &Path,
    dir: &Path,
    listener: &Listener,
) -> Result<Copied, BackupError> {
    let (from, to, listener) = (from.to_owned(), dir.join(DATABASE), listener.clone());
    let database = settings.database_name.clone();
    let (backups, wal, max_rate) = (settings.dir.clone(), settings.wal, settings.max_rate);
    let work = move || {
        let pace = Pace { begun: Instant::now(), max_rate };
        let before = (wal == WalMode::Stream).then(|| LogStart::before(&backups, &from)).flatten();
        let mut log = None;
        let copied = sqlite::copy(
            &from,
            &to,
            &mut || log = before.clone().and_then(|before| before.reaching(&backups, &from)),
            &mut |done, total| {
                listener(Progress::Bytes { done, total });
                pace.keep(done);
            },
        );
        copied.map_err(|error| match error {
            // Nothing is written but the copy: it is the disk of that.
            StoreError::ReadOnly(why) => BackupError::io("cannot write", &to)(io::Error::other(why)),
            error => BackupError::store(&database)(error),
        })?;
        Ok(Copied { log, ..Copied::default() })
    };
    join(spawn_blocking(work)).await
}

/// Keeps a copy from being made faster than it may.
struct Pace {
    begun: Instant,
    /// In bytes a second.
    max_rate: Option<u64>,
}

impl Pace {
    /// Waits until so many bytes may have been copied.
    fn keep(&self, done: u64) {
        if let Some(rate) = self.max_rate {
            let due = Duration::from_secs_f64(done as f64 / rate as f64);
            thread::sleep(due.saturating_sub(self.begun.elapsed()));
        }
    }
}

/// Whether the copy is sound, by SQLite's quick check, and what it holds. Drills and restores check the indexes too.
pub(super) async fn examine(
    settings: &BackupSettings,
    id: &str,
    dir: &Path,
) -> Result<Examined, BackupError> {
    let (copy, id, database) = (dir.join(DATABASE), id.to_owned(), settings.database_name.clone());
    let work = move || {
        let examined = sqlite::examine_quickly(&copy).map_err(BackupError::store(&database))?;
        let differences = [examined.problems.clone(), examined.census.contradictions()].concat();
        if differences.is_empty() { Ok(examined) } else { Err(BackupError::Differs { id, differences }) }
    };
    join(spawn_blocking(work)).await
}
