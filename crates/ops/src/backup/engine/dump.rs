//! PostgreSQL: a dump of the one database, which also another major version can restore.

use std::path::Path;

use taskward_store::postgres::{self as store, Facts};

use super::Copied;
use crate::backup::postgres::{Connection, Program};
use crate::backup::{BackupError, BackupSettings, Position};

/// The name of the dump, in `pg_dump`'s custom format.
pub(in crate::backup) const DUMP: &str = "taskward.dump";

/// Whether the program is here.
pub(super) async fn check(settings: &BackupSettings, facts: &Facts) -> Result<(), BackupError> {
    Program::find(settings.pg_bin.as_deref(), "pg_dump", facts.major).await.map(drop)
}

/// Dumps one moment, which is held while it is counted and while it is dumped.
pub(super) async fn copy(
    settings: &BackupSettings,
    connection: &Connection,
    facts: &Facts,
    dir: &Path,
) -> Result<Copied, BackupError> {
    let failed = BackupError::store(&settings.database_name);
    let snapshot = store::snapshot(connection.url()).await.map_err(&failed)?;
    let program = Program::find(settings.pg_bin.as_deref(), "pg_dump", facts.major).await?;
    let mut command = program.command(connection);
    command.args(["--format=custom", "--compress=1", "--no-password"]);
    command.arg(format!("--snapshot={}", snapshot.name)).arg("--file").arg(dir.join(DUMP));
    command.arg(format!("--dbname={}", connection.without_password()));
    let counted = async { snapshot.examine().await.map_err(&failed) };
    let (examined, ()) = tokio::try_join!(counted, program.run(command, connection, |_| ()))?;
    Ok(Copied {
        examined: Some(examined),
        position: Some(Position { start: facts.position.clone(), end: facts.position.clone() }),
        in_repository: None,
        log: None,
    })
}
