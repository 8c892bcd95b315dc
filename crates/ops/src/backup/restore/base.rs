//! PostgreSQL, a whole cluster: a new data directory in the place of the old one.

use std::fs;
use std::path::{Path, PathBuf};

use taskward_store::HalfSwapped;
use taskward_store::swap::{KEPT, STAGED};

use super::compare::{Compared, compare};
use super::prove::{Alive, Proven, prove};
use super::rename::{exchange, rename_all};
use super::{Backup, refused};
use crate::backup::postgres::{Connection, Program, Scratch, ServerUser, Subject, extract};
use crate::backup::wal::{keep_histories, prepare_postgres};
use crate::backup::{BackupError, BackupSettings, Manifest, Progress, files, pgbackrest};
use crate::paths::{directory_of, with_suffix};

/// Files of a data directory whose server follows another, or recovers: it would not take connections.
const SIGNALS: [&str; 2] = ["standby.signal", "recovery.signal"];

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
        let Some(target) = target.map(|target| target.trim_end_matches('/')) else {
            let why =
                "the backup is of a whole cluster: name the data directory to restore it to, with --target";
            return Err(refused("no directory", why));
        };
        // The programs that work on it have another working directory.
        let target = std::path::absolute(target).map_err(|error| refused(target, error.to_string()))?;
        if let Some(half) = HalfSwapped::find(&target) {
            return Err(BackupError::HalfSwapped(half));
        }
        postgres(settings, manifest).await?;
        let there = may_replace(&target)?;
        let in_use = server_on(&target);
        let parent = directory_of(&target);
        let free = files::free(&parent).map_err(|error| refused(parent.display(), error.to_string()))?;
        if free < manifest.data_bytes {
            let why = format!(
                "it has {} MiB left, and {} MiB are needed",
                free >> 20,
                manifest.data_bytes.div_ceil(1 << 20)
            );
            return Err(refused(parent.display(), why));
        }
        let user = ServerUser::find(there.then_some(target.as_path()))?;
        let named = |what: &str| with_suffix(&target, &format!("{what}{id}"));
        let (kept, staged) = (there.then(|| named(KEPT)), named(STAGED));
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

/// Restores to the directory, and compares with the data from before. The server that used it has to be started by
/// whoever stopped it.
pub(super) async fn restore(
    backup: &Backup<'_>,
    place: &DirectoryPlace,
) -> Result<(Proven, Option<Compared>), BackupError> {
    let done = async {
        unpack(backup, &place.staged, place.user).await?;
        let scratch = start(backup, &place.staged, place.user).await?;
        let restored = scratch.connection();
        let proven = prove(&Alive::Postgres(restored.clone()), backup).await?;
        let compared = compare_with_before(backup, place, &restored).await;
        scratch.stop().await?;
        keep_histories(backup.settings, &place.staged)?;
        let failed = BackupError::io("cannot put into place", &place.target);
        swap(place).map_err(failed)?;
        Ok((proven, compared))
    };
    let done = done.await;
    if done.is_err() {
        // What cannot be removed is named by its name.
        let _ = fs::remove_dir_all(&place.staged);
    }
    done
}

/// Compares with the cluster that is at the target, whose server is started for that, and stopped again. `None` when there
/// is none, or it does not start: that may be why somebody restores.
async fn compare_with_before(
    backup: &Backup<'_>,
    place: &DirectoryPlace,
    restored: &Connection,
) -> Option<Compared> {
    let Manifest { server_major, server_role, .. } = backup.manifest;
    if place.kept.is_none() || !may_start(&place.target, *server_major) {
        return None;
    }
    (backup.listener)(Progress::Stage("comparing with what was there"));
    let program = postgres(backup.settings, backup.manifest).await.ok()?;
    let role = server_role.as_ref()?;
    let before = Scratch::start(&program, &place.target, place.user, role, Subject::Original).await.ok()?;
    let compared = compare(restored.url(), before.connection().url(), backup.point_at()).await;
    // It has been read, however it ends.
    let _ = before.stop().await;
    Some(compared)
}

/// Whether a server of this version would start on a data directory, and take connections.
fn may_start(data: &Path, major: Option<u32>) -> bool {
    let version = fs::read_to_string(data.join("PG_VERSION")).unwrap_or_default();
    let is_ours = major.is_some() && version.trim().parse::<u32>().ok() == major;
    is_ours && !SIGNALS.iter().any(|signal| data.join(signal).exists())
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
            pgbackrest::restore(of, data, user, listener).await
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
    Scratch::start(&program, data, user, &role, Subject::Copy(told)).await
}

/// Puts the new directory into its place. When that fails, the old one is where it was.
fn swap(place: &DirectoryPlace) -> std::io::Result<()> {
    let DirectoryPlace { target, kept, staged, .. } = place;
    files::sync_all(staged)?;
    match kept {
        Some(kept) => exchange(target, kept, staged),
        None => rename_all(&[(staged.clone(), target.clone())], &directory_of(target)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_that_fails_leaves_the_old_directory_where_it_was() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        // Nothing gets the name of a directory with something in it.
        for name in ["data/old", "staged/new", "kept/another"] {
            fs::create_dir_all(path(name)).expect("directories");
        }
        let (target, kept, staged) = (path("data"), Some(path("kept")), path("staged"));
        let place = DirectoryPlace { target, kept, in_use: None, staged, user: ServerUser::own() };
        swap(&place).expect_err("another one is kept there");
        assert!(path("data/old").is_dir() && path("staged/new").is_dir() && path("kept/another").is_dir());
        fs::remove_dir_all(path("kept")).expect("removed");
        swap(&place).expect("nothing is in the way");
        assert!(path("data/new").is_dir() && path("kept/old").is_dir() && !place.staged.exists());
    }

    #[test]
    fn only_a_server_of_the_backups_version_that_takes_connections_is_started() {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path();
        assert!(!may_start(data, Some(15)) && !may_start(data, None), "it is empty");
        fs::write(data.join("PG_VERSION"), "15\n").expect("written");
        assert!(may_start(data, Some(15)));
        assert!(!may_start(data, Some(16)) && !may_start(data, None));
        fs::write(data.join("standby.signal"), "").expect("written");
        assert!(!may_start(data, Some(15)), "a standby");
    }
}
