//! PostgreSQL: a dump of the one database, which also another major version can restore.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use taskward_store::StoreError;
use taskward_store::postgres::{self as store, CopyWatch, Facts};

use super::Copied;
use crate::backup::postgres::{Connection, Program};
use crate::backup::{BackupError, BackupSettings, Listener, Position, Progress};

/// The name of the dump, in `pg_dump`'s custom format.
pub(in crate::backup) const DUMP: &str = "taskward.dump";
/// The first version of the server that says how far it is.
const TELLS_SINCE: u32 = 14;
/// How often is looked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

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
    listener: &Listener,
) -> Result<Copied, BackupError> {
    let failed = BackupError::store(&settings.database_name);
    let snapshot = store::snapshot(connection.url()).await.map_err(&failed)?;
    let program = Program::find(settings.pg_bin.as_deref(), "pg_dump", facts.major).await?;
    let mut command = program.command(connection);
    let application = format!("taskward-dump-{}", std::process::id());
    command.env("PGAPPNAME", &application);
    command.args(["--format=custom", "--compress=1", "--no-password"]);
    command.arg(format!("--snapshot={}", snapshot.name)).arg("--file").arg(dir.join(DUMP));
    command.arg(format!("--dbname={}", connection.without_password()));
    let counted = async { snapshot.examine().await.map_err(&failed) };
    let work = async { tokio::try_join!(counted, program.run(command, connection, |_| ())) };
    let telling = async {
        if facts.major >= TELLS_SINCE {
            // Whatever goes wrong with it is not what the dump is about.
            let _ = tell(connection, &application, listener).await;
        }
        std::future::pending::<Infallible>().await
    };
    let (examined, ()) = tokio::select! {
        done = work => done?,
        never = telling => match never {},
    };
    Ok(Copied {
        examined: Some(examined),
        position: Some(Position { start: facts.position.clone(), end: facts.position.clone() }),
        ..Copied::default()
    })
}

/// Tells how far the dump is, until that cannot be told.
async fn tell(
    connection: &Connection,
    application: &str,
    listener: &Listener,
) -> Result<Infallible, StoreError> {
    let mut watch = CopyWatch::connect(connection.url(), application).await?;
    let total = watch.total();
    loop {
        if let Some(done) = watch.look().await? {
            listener(Progress::Bytes { done: done.min(total), total });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
