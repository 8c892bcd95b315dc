//! The backup that is made before a schema is changed.

use serde::Serialize;

use crate::backup::{
    self, BackupError, BackupSettings, Catalogue, Clock, CreateOptions, Created, Listener, Which,
};

/// A verified backup of the database as it was before its schema was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupBefore {
    /// Its id.
    pub id: String,
    /// Where it is.
    pub path: String,
    /// How large it is, in bytes.
    pub bytes: u64,
    /// How long it took to make it and to read it again, in milliseconds.
    pub took_ms: u64,
}

/// Makes a backup of a database at schema version `from`, and reads all of it again. Of PostgreSQL it is a dump of the one
/// database: it is restored beside the live one, while the server goes on.
///
/// # Errors
/// Those of [`backup::create`] and [`backup::verify`]; the schema is as it was.
pub async fn back_up(
    settings: &BackupSettings,
    (from, to): (u32, u32),
    program: &str,
    clock: Clock,
    listener: &Listener,
) -> Result<BackupBefore, BackupError> {
    let options = CreateOptions {
        label: Some(format!("before the schema goes from version {from} to {to}")),
        dump: settings.can_be_dumped(),
        program: program.to_owned(),
    };
    let Created { path, manifest, .. } = backup::create(settings, options, clock, listener).await?;
    let which = Which::Id(manifest.id.clone());
    let (verified, _) = backup::verify(&Catalogue::new(&settings.dir), &which, listener).await?;
    let took_ms = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(BackupBefore { id: manifest.id, path, bytes: verified.bytes, took_ms })
}
