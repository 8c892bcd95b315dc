//! PostgreSQL, a whole cluster: a new data directory in the place of the old one.

use std::fs;
use std::path::{Path, PathBuf};

use taskward_store::Epoch;

use super::prove::{Alive, prove};
use super::{Backup, refused};
use crate::backup::postgres::{Program, Scratch, ServerUser, extract};
use crate::backup::wal::{keep_histories, prepare_postgres};
use crate::backup::{BackupError, BackupSettings, Manifest, Progress, files, pgbackrest};

/// The data directory that is restored to.
pub(super) struct DirectoryPlace {
    pub(super) target: PathBuf,
    /// Where the directory goes that is there now.
    pub(super) kept: Option<PathBuf>,
    /// Who uses what is there now.
    pub(super) in_use: Option<String>,
    staged: PathBuf,
    user: ServerUser,
}

impl DirectoryPlace {
    pub(super) async fn find(
        settings: &BackupSettings,
        manifest: &Manifest,
        target: Option<&str>,
        id: &str,
    ) -> Result<Self, BackupError> {
        let Some(target) = target.map(|target| PathBuf::from(target.trim_end_matches('/'))) else {
            let why =
                "the backup is of a whole cluster: name the data directory to restore it to, with --target";
            return Err(refused("no directory", why));
        };
        postgres(settings, manifest).await?;
        let there = may_replace(&target)?;
        let in_use = server_on(&target);
        let parent =
            target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let free = files::free(parent).map_err(|error| refused(parent.display(), error.to_string()))?;
        if free < manifest.data_bytes {
            let why = format!(
                "it has {} MiB left, and {} MiB are needed",
                free >> 20,
                manifest.data_bytes.div_ceil(1 << 20)
            );
            return Err(refused(parent.display(), why));
        }
        let user = ServerUser::find(there.then_some(target.as_path()))?;
        let named = |what: &str| PathBuf::from(format!("{}.{what}-{id}", target.display()));
        let (kept, staged) = (there.then(|| named("before")), named("restoring"));
        Ok(Self { target, kept, in_use, staged, user })
    }
}

/// The server that runs on a data directory, if one does.
fn server_on(target: &Path) -> Option<String> {
    let text = fs::read_to_string(target.join("postmaster.pid")).ok()?;
    let pid = text.lines().next().unwrap_or_default().trim().to_owned();
    let runs = !pid.is_empty() && Path::new("/proc").join(&pid).exists();
    runs.then(|| format!("a PostgreSQL server, process {pid}, runs on it"))
}

/// Whether something is there, of which we know that it is a data directory, or empty.
fn may_replace(target: &Path) -> Result<bool, BackupError> {
    let refused = |why: String| Err(refused(target.display(), why));
    let entries = match fs::read_dir(target) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return refused(error.to_string()),
        Ok(entries) => entries.count(),
    };
    if entries > 0 && !target.join("PG_VERSION").is_file() {
        return refused("it is not empty, and no data directory of PostgreSQL".to_owned());
    }
    Ok(true)
}

/// The server's program, of the backup's version.
async fn postgres(settings: &BackupSettings, manifest: &Manifest) -> Result<Program, BackupError> {
    Program::find(settings.pg_bin.as_deref(), "postgres", manifest.server_major.unwrap_or_default()).await
}

/// Restores to the directory. The server that used it has to be started by whoever stopped it.
pub(super) async fn restore(backup: &Backup<'_>, place: &DirectoryPlace) -> Result<Epoch, BackupError> {
    let done = async {
        unpack(backup, &place.staged, place.user).await?;
        let scratch = start(backup, &place.staged, place.user).await?;
        let alive = Alive::Postgres(scratch.connection());
        let epoch = prove(&alive, backup).await?;
        scratch.stop().await?;
        keep_histories(backup.settings, &place.staged)?;
        let failed = BackupError::io("cannot put into place", &place.target);
        swap(place).map_err(failed)?;
        Ok(epoch)
    };
    let done = done.await;
    if done.is_err() {
        // What cannot be removed is named by its name.
        let _ = fs::remove_dir_all(&place.staged);
    }
    done
}

/// Unpacks the backup to a new data directory, which is not flushed yet when this ends.
pub(in crate::backup) async fn unpack(
    backup: &Backup<'_>,
    data: &Path,
    user: ServerUser,
) -> Result<(), BackupError> {
    let Backup { catalogue, manifest, listener, .. } = backup;
    match &manifest.in_repository {
        Some(of) => {
            listener(Progress::Stage("unpacking"));
            pgbackrest::restore(of, data, user).await
        }
        None => {
            listener(Progress::Stage("verifying and unpacking"));
            extract((&catalogue.path(&manifest.id), manifest), data, user, listener).await
        }
    }
}

/// Starts a server on what was unpacked, which recovers to the moment that is wanted.
pub(in crate::backup) async fn start(
    backup: &Backup<'_>,
    data: &Path,
    user: ServerUser,
) -> Result<Scratch, BackupError> {
    let program = postgres(backup.settings, backup.manifest).await?;
    (backup.listener)(Progress::Stage("recovering"));
    let role = backup.manifest.server_role.clone().unwrap_or_default();
    // pgBackRest has an archive of its own.
    let recovery = match backup.manifest.in_repository {
        Some(_) => None,
        None => prepare_postgres(backup.settings, backup.manifest, backup.to, (data, user)).await?,
    };
    let told = recovery.as_ref().map_or(&[][..], |recovery| &recovery.settings);
    Scratch::start(&program, data, user, &role, told).await
}

fn swap(place: &DirectoryPlace) -> std::io::Result<()> {
    let DirectoryPlace { target, kept, staged, .. } = place;
    files::sync_all(staged)?;
    if let Some(kept) = kept {
        fs::rename(target, kept)?;
    }
    fs::rename(staged, target)?;
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    files::sync(parent.unwrap_or(Path::new(".")))
}
