//! PostgreSQL: the whole cluster, by pgBackRest, into its repository.

use std::path::Path;

use taskward_store::postgres as store;

use super::Copied;
use crate::backup::postgres::Connection;
use crate::backup::{BackupError, BackupSettings, Listener, Position, pgbackrest};

/// Counts before and after: pgBackRest says of which range of the log its copy is, not what that holds.
pub(super) async fn copy(
    settings: &BackupSettings,
    connection: &Connection,
    dir: &Path,
    listener: &Listener,
) -> Result<Copied, BackupError> {
    let failed = BackupError::store(&settings.database_name);
    let stanza = settings.stanza.clone().unwrap_or_default();
    let before = store::snapshot(connection.url()).await.map_err(&failed)?;
    let seen = Some(before.seen.clone());
    let counted = async move { before.examine().await.map_err(failed) };
    let (first, (in_repository, kept)) =
        tokio::try_join!(counted, pgbackrest::back_up(&stanza, dir, listener))?;
    let position = kept.lsn.map(|lsn| Position { start: lsn.start, end: lsn.stop });
    let in_repository = Some(in_repository);
    Ok(Copied { examined: Some(first), seen, position, in_repository, ..Copied::default() })
}
