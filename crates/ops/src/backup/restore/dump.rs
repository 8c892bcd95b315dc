//! PostgreSQL, one database: a new one beside it, on the configured server.

use std::time::Duration;

use taskward_config::DatabaseTarget;
use taskward_store::postgres as store;

use super::compare::{Compared, compare};
use super::prove::{Alive, Proven, prove};
use super::{Backup, refused};
use crate::backup::engine::DUMP;
use crate::backup::postgres::{Connection, Program, Reading};
use crate::backup::{BackupError, BackupSettings, Listener, Progress};

/// How often is looked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The database that is made.
pub(super) struct DatabasePlace {
    pub(super) name: String,
    server: Connection,
    major: u32,
}

impl DatabasePlace {
    pub(super) async fn find(settings: &BackupSettings, target: Option<&str>) -> Result<Self, BackupError> {
        let Some(name) = target.map(ToOwned::to_owned) else {
            let why = "the backup is a dump: name a new database to restore it to, with --target";
            return Err(refused("no database", why));
        };
        if !is_name(&name) {
            return Err(refused(name, "a name has 1 to 63 characters of a-z, 0-9 and _"));
        }
        let DatabaseTarget::Postgres(url) = &settings.database else {
            let why = "the backup is of PostgreSQL, and the configuration names a SQLite file";
            return Err(refused(name, why));
        };
        let server = Connection::new(url);
        let failed = BackupError::store(&settings.database_name);
        let facts = store::facts(server.url()).await.map_err(&failed)?;
        Program::find(settings.pg_bin.as_deref(), "pg_restore", facts.major).await?;
        if store::has_database(server.url(), &name).await.map_err(&failed)? {
            return Err(refused(name, "there is a database of this name, and none is replaced"));
        }
        Ok(Self { name, server, major: facts.major })
    }
}

/// Restores to a new database, and compares it with the configured one.
pub(super) async fn restore(
    backup: &Backup<'_>,
    place: &DatabasePlace,
) -> Result<(Proven, Option<Compared>), BackupError> {
    let failed = BackupError::store(&backup.settings.database_name);
    if !store::create_database(place.server.url(), &place.name).await.map_err(&failed)? {
        return Err(refused(&place.name, "there is a database of this name, and none is replaced"));
    }
    let made = place.server.with_database(&place.name);
    let done = async {
        fill(backup, &made, place.major).await?;
        prove(&Alive::Postgres(made.clone()), backup).await
    };
    match done.await {
        Ok(proven) => {
            let compared = compare(made.url(), place.server.url(), backup.point_at()).await;
            Ok((proven, Some(compared)))
        }
        Err(error) => {
            // It is named in the error's state; nothing uses it.
            let _ = store::drop_database(place.server.url(), &place.name).await;
            Err(error)
        }
    }
}

/// Restores the dump into an empty database: all of it, or nothing.
pub(in crate::backup) async fn fill(
    backup: &Backup<'_>,
    into: &Connection,
    major: u32,
) -> Result<(), BackupError> {
    (backup.listener)(Progress::Stage("restoring"));
    let program = Program::find(backup.settings.pg_bin.as_deref(), "pg_restore", major).await?;
    let mut command = program.command(into);
    command.args([
        "--exit-on-error",
        "--single-transaction",
        "--no-owner",
        "--no-privileges",
        "--no-password",
    ]);
    let dump = backup.catalogue.path(&backup.manifest.id).join(DUMP);
    command.arg(format!("--dbname={}", into.without_password())).arg(&dump);
    let mut running = program.start(command, into)?;
    let reading = running.process().and_then(|process| Reading::of(&dump, process));
    let mut is_read = false;
    loop {
        tokio::select! {
            ended = running.ended(|_| ()) => return ended,
            () = tokio::time::sleep(LOOK_EVERY), if !is_read => is_read = tell(reading.as_ref(), backup.listener),
        }
    }
}

/// Tells how much of the dump is read. Answers whether that is all: what follows is no matter of bytes.
fn tell(reading: Option<&Reading>, listener: &Listener) -> bool {
    let Some((done, total)) = reading.and_then(|reading| Some((reading.done()?, reading.total))) else {
        return false;
    };
    let is_read = done >= total;
    listener(if is_read { Progress::Stage("building indexes") } else { Progress::Bytes { done, total } });
    is_read
}

fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
