//! The directory of backups: what is there, which one is meant, and who may change it.

use std::fs::{self, DirEntry, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use taskward_core::Timestamp;

use super::clock::age;
use super::manifest::problem;
use super::{BackupError, FileProblem, Manifest, files};

/// What the directory of a backup ends with until all of it is on the disk.
const PARTIAL: &str = ".partial";
/// The file that whoever changes the directory has locked.
const LOCK: &str = ".lock";

/// A directory of backups.
#[derive(Debug, Clone)]
pub struct Catalogue {
    dir: PathBuf,
}

/// Which backup is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The latest one that was completed.
    Latest,
    /// The one with this id.
    Id(String),
}

/// Something in the directory of backups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// How it is.
    #[serde(flatten)]
    pub state: ListedState,
    /// How much room it takes, in bytes.
    pub bytes: u64,
}

/// How a backup is, as far as that is known without reading all of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ListedState {
    /// It is complete.
    Complete {
        /// What it says of itself.
        manifest: Box<Manifest>,
    },
    /// It was interrupted, or is being made.
    Partial,
    /// Its manifest cannot be used.
    Damaged {
        /// Why.
        problems: Vec<FileProblem>,
    },
}

impl Listed {
    /// What a complete backup says of itself.
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.state {
            ListedState::Complete { manifest } => Some(manifest),
            _ => None,
        }
    }
}

/// Whether a text is the id of a backup, and so safe as the name of a directory.
pub fn is_id(text: &str) -> bool {
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    let Some((date, rest)) = text.split_once('-') else { return false };
    let (time, number) = rest.split_once('-').unwrap_or((rest, "1"));
    digits(date, 8) && digits(time, 6) && (1..=3).contains(&number.len()) && digits(number, number.len())
}

impl Catalogue {
    /// The backups in a directory, which need not be there yet.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Everything in it, the latest first.
    ///
    /// # Errors
    /// [`BackupError::Destination`] when the directory cannot be read. One that is not there is empty.
    pub fn list(&self) -> Result<Vec<Listed>, BackupError> {
        let mut listed: Vec<Listed> = self.names()?.into_iter().map(|name| self.look_at(&name)).collect();
        listed.sort_by(|a, b| b.id.cmp(&a.id));
        Ok(listed)
    }

    /// The manifest of a backup.
    ///
    /// # Errors
    /// [`BackupError::NotFound`], [`BackupError::Damaged`] when its manifest cannot be used. The latest one is the
    /// latest one, also when that is damaged: an older one is something else.
    pub fn find(&self, which: &Which) -> Result<Manifest, BackupError> {
        let named = match which {
            Which::Id(id) => (is_id(id) && self.dir.join(id).is_dir()).then(|| id.clone()),
            Which::Latest => self.names()?.into_iter().filter(|name| is_id(name)).max(),
        };
        let Some(id) = named else {
            let id = if let Which::Id(id) = which { id.as_str() } else { "at all" };
            return Err(BackupError::NotFound { id: id.to_owned(), dir: self.dir.clone() });
        };
        Manifest::read(&self.path(&id), &id).map_err(|problems| BackupError::Damaged { id, problems })
    }

    /// The latest backup with a sound manifest, and how old what it holds is.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub fn last_good(&self, now: Timestamp) -> Result<Option<(Manifest, Duration)>, BackupError> {
        let listed = self.list()?;
        let complete = listed.iter().find_map(Listed::manifest).cloned();
        Ok(complete.map(|manifest| {
            let age = age(manifest.point_at, now);
            (manifest, age)
        }))
    }

    /// When the first backup was begun here, though that one may be gone: the lock was made then, and nobody writes to it.
    /// None where that was never, or cannot be known.
    pub fn in_use_since(&self) -> Option<Timestamp> {
        let made = self.dir.join(LOCK).metadata().and_then(|lock| lock.modified()).ok()?;
        Timestamp::try_from(made).ok()
    }

    /// Where a complete backup is.
    pub fn path(&self, id: &str) -> PathBuf {
        self.dir.join(id)
    }

    /// Where a backup is until it is complete.
    pub(super) fn partial_path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}{PARTIAL}"))
    }

    /// An id for a backup begun now, that no other has.
    pub(super) fn new_id(&self, now: Timestamp) -> String {
        let base = super::clock::name(now);
        let taken = |id: &String| self.path(id).exists() || self.partial_path(id).exists();
        let mut numbered = (2..).map(|number| format!("{base}-{number}"));
        // The names are without end, so one is free.
        let free = if taken(&base) { numbered.find(|id| !taken(id)) } else { None };
        free.unwrap_or(base)
    }

    /// Takes the right to change the directory, until the returned file is closed or the process ends.
    pub(super) fn lock(&self) -> Result<File, BackupError> {
        lock(&self.dir.join(LOCK), &self.dir)
    }

    /// Removes a backup, or what there is of one.
    pub(super) fn remove(&self, listed: &Listed) -> Result<(), BackupError> {
        let path = match listed.state {
            ListedState::Partial => self.partial_path(&listed.id),
            _ => self.path(&listed.id),
        };
        fs::remove_dir_all(&path).map_err(BackupError::io("cannot remove", &path))
    }

    /// Keeps a record of something that was done with backups.
    pub(super) fn record(&self, kind: &str, id: &str, record: &impl Serialize) -> Result<(), BackupError> {
        let dir = self.dir.join(kind);
        let path = dir.join(format!("{id}.json"));
        let unfinished = dir.join(format!("{id}.json{PARTIAL}"));
        let write = || {
            files::make_dir(&dir)?;
            files::write(&unfinished, &serde_json::to_vec_pretty(record)?)?;
            fs::rename(&unfinished, &path)?;
            files::sync(&dir)
        };
        write().map_err(BackupError::io("cannot write", &path))
    }

    /// The records of a kind, the latest first. One that is no record any more is an error: the one before it is not the
    /// latest.
    pub(super) fn records<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, BackupError> {
        let dir = self.dir.join(kind);
        let mut records = entries(&dir)?;
        records.retain(|(name, _)| name.ends_with(".json"));
        records.sort_unstable();
        let read = |(name, path): &(String, PathBuf)| {
            let record = fs::read(path).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
            record.map_err(|error| BackupError::Damaged {
                id: kind.to_owned(),
                problems: vec![problem(&format!("{kind}/{name}"), &error)],
            })
        };
        records.iter().rev().map(read).collect()
    }

    fn names(&self) -> Result<Vec<String>, BackupError> {
        if !self.dir.exists() {
            return Ok(Vec::new());
        }
        let is_ours = |name: &str| is_id(name.strip_suffix(PARTIAL).unwrap_or(name));
        let found = entries(&self.dir)?.into_iter().filter(|(name, path)| is_ours(name) && path.is_dir());
        Ok(found.map(|(name, _)| name).collect())
    }

    fn look_at(&self, name: &str) -> Listed {
        let path = self.dir.join(name);
        let bytes = files::size(&path);
        let (id, state) = match name.strip_suffix(PARTIAL) {
            Some(id) => (id, ListedState::Partial),
            None => (
                name,
                match Manifest::read(&path, name) {
                    Ok(manifest) => ListedState::Complete { manifest: Box::new(manifest) },
                    Err(problems) => ListedState::Damaged { problems },
                },
            ),
        };
        Listed { id: id.to_owned(), state, bytes }
    }
}

/// Locks a file for a directory, until the returned file is closed or the process ends.
pub(super) fn lock(path: &Path, dir: &Path) -> Result<File, BackupError> {
    let opened = File::options().create(true).truncate(false).write(true).open(path);
    let file = opened.map_err(BackupError::io("cannot open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BackupError::Locked(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(BackupError::io("cannot lock", path)(error)),
    }
}

/// Names and paths in a directory; none where there is none.
fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>, BackupError> {
    let found = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(|error| BackupError::Destination {
            dir: dir.to_owned(),
            why: format!("it cannot be read: {error}"),
        })?,
    };
    let named = |entry: DirEntry| Some((entry.file_name().into_string().ok()?, entry.path()));
    Ok(found.filter_map(Result::ok).filter_map(named).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_safe_names() {
        for id in ["20261231-235900", "20261231-235900-2"] {
            assert!(is_id(id), "{id}");
        }
        for text in ["", "..", "20261231", "20261231-2359", "20261231-235900-", "2026/231-235900", "a-b"] {
            assert!(!is_id(text), "{text}");
        }
    }
}
