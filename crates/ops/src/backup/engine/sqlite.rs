//! SQLite: the file, by the online backup interface, checked as it was copied.

use std::path::Path;

use taskward_config::WalMode;
use taskward_store::sqlite;
use tokio::task::spawn_blocking;

use super::{Copied, join};
use crate::backup::wal::LogStart;
use crate::backup::{BackupError, BackupSettings, Listener, Progress, Rows};

/// The name of the copy.
pub(in crate::backup) const DATABASE: &str = "taskward.db";

pub(super) async fn copy(
    settings: &BackupSettings,
    id: &str,
    from: &Path,
    dir: &Path,
    listener: &Listener,
) -> Result<Copied, BackupError> {
    let (from, to, listener) = (from.to_owned(), dir.join(DATABASE), listener.clone());
    let (database, id) = (settings.database_name.clone(), id.to_owned());
    let (backups, wal) = (settings.dir.clone(), settings.wal);
    let work = move || {
        let failed = BackupError::store(&database);
        let before = (wal == WalMode::Stream).then(|| LogStart::before(&backups, &from)).flatten();
        let mut log = None;
        sqlite::copy(
            &from,
            &to,
            &mut || log = before.clone().and_then(|before| before.reaching(&backups, &from)),
            &mut |done, total| listener(Progress::Bytes { done, total }),
        )
        .map_err(&failed)?;
        listener(Progress::Stage("integrity check"));
        let examined = sqlite::examine(&to).map_err(&failed)?;
        let differences = [examined.problems, examined.census.contradictions()].concat();
        if !differences.is_empty() {
            return Err(BackupError::Differs { id, differences });
        }
        Ok(Copied {
            rows: Rows::exactly(examined.census),
            schema: examined.schema,
            position: None,
            in_repository: None,
            log,
        })
    };
    join(spawn_blocking(work)).await
}
