//! SQLite: a new file in the place of the old one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fcntl_lock};
use taskward_config::DatabaseTarget;
use taskward_store::HalfSwapped;
use taskward_store::swap::{KEPT, STAGED};
use tokio::task::spawn_blocking;

use super::compare::{Compared, compare};
use super::prove::{Alive, Proven, prove};
use super::rename::{exchange, rename_all};
use super::{Backup, refused};
use crate::backup::engine::{DATABASE, join};
use crate::backup::files::{self, CopyError};
use crate::backup::verify::{absent, compared};
use crate::backup::wal::roll_sqlite_forward;
use crate::backup::{BackupError, BackupSettings, Manifest, Progress};
use crate::paths::{directory_of, with_suffix};

/// What SQLite's log is named with, after its database.
const LOG: &str = "-wal";

/// The file that is restored to.
pub(super) struct FilePlace {
    pub(super) target: PathBuf,
    /// Where the file goes that is there now.
    pub(super) kept: Option<PathBuf>,
    /// Who uses the file that is there now.
    pub(super) in_use: Option<String>,
    /// The name of what is kept, be it only a log without its file.
    before: PathBuf,
    staged: PathBuf,
}

impl FilePlace {
    pub(super) fn find(
        settings: &BackupSettings,
        manifest: &Manifest,
        target: Option<&str>,
        id: &str,
    ) -> Result<Self, BackupError> {
        let (target, may_replace) = match (target, &settings.database) {
            (None, DatabaseTarget::Sqlite(path)) => (path.clone(), true),
            (Some(target), DatabaseTarget::Sqlite(path)) => {
                (PathBuf::from(target), Path::new(target) == path)
            }
            (Some(target), DatabaseTarget::Postgres(_)) => (PathBuf::from(target), false),
            (None, DatabaseTarget::Postgres(_)) => {
                let why = "the backup is of a SQLite file, and the configuration names a PostgreSQL database";
                return Err(refused("no file", why));
            }
        };
        if let Some(half) = HalfSwapped::find(&target) {
            return Err(BackupError::HalfSwapped(half));
        }
        let there = fs::symlink_metadata(&target).ok();
        let in_use = match &there {
            Some(it) if !it.is_file() => return Err(refused(target.display(), "it is not a regular file")),
            Some(_) if !may_replace => {
                let why = "it is there already, and only the configured database is replaced";
                return Err(refused(target.display(), why));
            }
            Some(_) => match alone(&target) {
                Ok(_) => None,
                Err(BackupError::InUse { why, .. }) => Some(why),
                Err(error) => return Err(error),
            },
            None => None,
        };
        let directory = directory_of(&target);
        let free =
            files::free(&directory).map_err(|error| refused(directory.display(), error.to_string()))?;
        if free < manifest.bytes() {
            let why = format!(
                "it has {} MiB left, and {} MiB are needed",
                free >> 20,
                manifest.bytes().div_ceil(1 << 20)
            );
            return Err(refused(directory.display(), why));
        }
        let before = with_suffix(&target, &format!("{KEPT}{id}"));
        let staged = with_suffix(&target, &format!("{STAGED}{id}"));
        Ok(Self { target, kept: there.map(|_| before.clone()), in_use, before, staged })
    }
}

/// Restores to the file, and compares with the one from before.
pub(super) async fn restore(
    backup: &Backup<'_>,
    place: &FilePlace,
) -> Result<(Proven, Option<Compared>), BackupError> {
    let staged = async {
        bring(backup, &place.staged).await?;
        let proven = prove(&Alive::Sqlite(place.staged.clone()), backup).await?;
        swap(place).map_err(|error| match error {
            SwapError::Refused(refused) => refused,
            SwapError::Io(error) => BackupError::io("cannot put into place", &place.target)(error),
        })?;
        Ok(proven)
    };
    let proven = staged.await;
    // The locks of migrations, and what a failure has left.
    for ending in [".lock", "-wal", "-shm", ""] {
        let _ = fs::remove_file(with_suffix(&place.staged, ending));
    }
    let proven = proven?;
    let Some(kept) = &place.kept else {
        // There was nothing: nothing is lost but what is not known.
        return Ok((proven, None));
    };
    let (restored, before) = (Alive::Sqlite(place.target.clone()), Alive::Sqlite(kept.clone()));
    Ok((proven, Some(compare(&restored.url(), &before.url(), backup.point_at()).await)))
}

/// Copies the backup's file to a new one, and rolls it forward where that is wanted.
pub(in crate::backup) async fn bring(backup: &Backup<'_>, to: &Path) -> Result<(), BackupError> {
    copy(backup, to).await?;
    match backup.to {
        Some(moment) => roll_sqlite_forward(backup, moment, to).await,
        None => Ok(()),
    }
}

/// Copies the file, and makes sure that what was copied is what the manifest says.
async fn copy(backup: &Backup<'_>, to: &Path) -> Result<(), BackupError> {
    let from = backup.catalogue.path(&backup.manifest.id).join(DATABASE);
    let (to, manifest, listener) = (to.to_owned(), backup.manifest.clone(), backup.listener.clone());
    let work = move || {
        listener(Progress::Stage("verifying and copying"));
        let (mut done, total) = (0, manifest.bytes());
        let mut seen = |bytes| {
            done += bytes;
            listener(Progress::Bytes { done, total });
        };
        let damaged = |problems| Err(BackupError::Damaged { id: manifest.id.clone(), problems });
        let Some(file) = manifest.files.iter().find(|file| file.name == DATABASE) else {
            return damaged(vec![absent(DATABASE)]);
        };
        let copied = match files::copy(&from, &to, &mut seen) {
            Err(CopyError::Write(error)) => return Err(BackupError::io("cannot write", &to)(error)),
            Err(CopyError::Read(error)) => Err(error),
            Ok(copied) => Ok(copied),
        };
        compared(file, copied).map_or(Ok(()), |problem| damaged(vec![problem]))
    };
    join(spawn_blocking(work)).await
}

enum SwapError {
    Refused(BackupError),
    Io(io::Error),
}

impl From<io::Error> for SwapError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Puts the new file into its place. Nobody can open the old one meanwhile; when this fails, it is where it was.
fn swap(place: &FilePlace) -> Result<(), SwapError> {
    let FilePlace { target, kept, before, staged, .. } = place;
    if has_log(staged)? {
        return Err(io::Error::other("the copy is still open").into());
    }
    let _alone = kept.as_ref().map(|_| alone(target)).transpose().map_err(SwapError::Refused)?;
    if kept.is_some() && rustix::process::geteuid().is_root() {
        let owner = fs::metadata(target)?;
        chown(staged, Some(owner.uid()), Some(owner.gid()))?;
    }
    files::sync(staged)?;
    // What readers of a log share is made anew by the first of them.
    remove(&with_suffix(target, "-shm"))?;
    if has_log(target)? {
        return Ok(rename_all(&with_log(place), &directory_of(target))?);
    }
    remove(&with_suffix(target, LOG))?;
    match kept {
        Some(_) => exchange(target, before, staged)?,
        None => rename_all(&[(staged.clone(), target.clone())], &directory_of(target))?,
    }
    Ok(())
}

/// The renames where the old file has a log that goes along with it. A log without its file, or with another one, is not to
/// be opened: so the file goes first, and while its name is free nobody begins another (see [`HalfSwapped`]).
fn with_log(place: &FilePlace) -> Vec<(PathBuf, PathBuf)> {
    let FilePlace { target, kept, before, staged, .. } = place;
    let file = kept.iter().map(|_| (target.clone(), before.clone()));
    let log = (with_suffix(target, LOG), with_suffix(before, LOG));
    file.chain([log, (staged.clone(), target.clone())]).collect()
}

/// Whether a file of the database has something in its log that it does not have itself.
fn has_log(database: &Path) -> io::Result<bool> {
    match fs::metadata(with_suffix(database, LOG)) {
        Ok(log) => Ok(log.len() > 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes sure that nobody has a database open, until the returned file is closed: whoever has, holds a lock on it.
fn alone(path: &Path) -> Result<File, BackupError> {
    let file = File::options().read(true).write(true).open(path);
    let file = file.map_err(|error| refused(path.display(), error.to_string()))?;
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(_) => Err(BackupError::InUse {
            target: path.display().to_string(),
            why: "a service, or another program, has it open".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(dir: &Path, is_there: bool) -> FilePlace {
        let (target, before) = (dir.join("t.db"), dir.join("t.db.before"));
        let kept = is_there.then(|| before.clone());
        FilePlace { target, kept, in_use: None, before, staged: dir.join("t.db.restoring") }
    }

    #[test]
    fn a_log_without_its_file_is_not_taken_for_that_of_what_was_restored() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        for name in ["t.db-wal", "t.db.restoring"] {
            fs::write(path(name), name).expect("written");
        }
        assert!(swap(&place(dir.path(), false)).is_ok());
        assert_eq!(fs::read(path("t.db")).expect("the new one"), b"t.db.restoring");
        assert!(!path("t.db-wal").exists());
        assert_eq!(fs::read(path("t.db.before-wal")).expect("the old log"), b"t.db-wal");
    }

    #[test]
    fn a_swap_that_fails_leaves_the_old_file_and_its_log_where_they_were() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        for name in ["t.db", "t.db-wal", "t.db.restoring"] {
            fs::write(path(name), name).expect("written");
        }
        // No file gets the name of a directory; the database has been renamed by then.
        fs::create_dir(path("t.db.before-wal")).expect("a directory");
        let place = place(dir.path(), true);
        assert!(matches!(swap(&place), Err(SwapError::Io(_))));
        for name in ["t.db", "t.db-wal", "t.db.restoring"] {
            assert_eq!(fs::read(path(name)).expect(name), name.as_bytes());
        }
        assert!(!path("t.db.before").exists());
        fs::remove_dir(path("t.db.before-wal")).expect("removed");
        assert!(swap(&place).is_ok());
        assert_eq!(fs::read(path("t.db")).expect("the new one"), b"t.db.restoring");
        assert_eq!(fs::read(path("t.db.before-wal")).expect("the old log"), b"t.db-wal");
    }
}
