//! PostgreSQL: the whole cluster, by pgBackRest, into its repository.

use std::path::Path;

use taskward_store::postgres as store;

use super::Copied;
use crate::backup::postgres::Connection;
use crate::backup::{BackupError, BackupSettings, Position, Rows, pgbackrest};

/// Counts before and after: pgBackRest says of which range of the log its copy is, not what that holds.
pub(super) async fn copy(
    settings: &BackupSettings,
    connection: &Connection,
    dir: &Path,
) -> Result<Copied, BackupError> {
    let failed = BackupError::store(&settings.database_name);
    let stanza = settings.stanza.clone().unwrap_or_default();
    let first = store::examine(connection.url()).await.map_err(&failed)?;
    let (in_repository, kept) = pgbackrest::back_up(&stanza, dir).await?;
    let last = store::examine(connection.url()).await.map_err(&failed)?;
    let position = kept.lsn.map(|lsn| Position { start: lsn.start, end: lsn.stop });
    let rows = Rows { first: first.census, last: last.census };
    Ok(Copied { rows, schema: last.schema, position, in_repository: Some(in_repository), log: None })
}
