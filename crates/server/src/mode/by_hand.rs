//! What an operator said about the mode, and the file that keeps it over a restart.
//!
//! A file and not a row: it has to work while the database is away. So it is this instance's alone; several instances
//! are told one by one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ModeSwitch;

/// Read-only because an operator said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// Why; clients are told.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// The id of the request that began it.
    pub set_by: String,
}

impl Maintenance {
    /// Begins now.
    #[expect(
        clippy::disallowed_methods,
        reason = "people are told the time of day; nothing is decided by it"
    )]
    pub fn begin(reason: String, set_by: String) -> Self {
        let now = Timestamp::now();
        let since = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        Self { reason, since, set_by }
    }
}

/// The file. Clones are the same one.
#[derive(Debug, Clone)]
pub struct StateFile {
    path: PathBuf,
    writing: Arc<Mutex<()>>,
}

impl StateFile {
    /// `maintenance.json` in this directory, which is made when it is needed.
    pub fn in_dir(dir: &Path) -> Self {
        Self { path: dir.join("maintenance.json"), writing: Arc::default() }
    }

    /// What it says. Of a file that cannot be understood nobody knows what it meant: then the service is read-only
    /// until somebody has looked.
    pub fn read(&self) -> Option<Maintenance> {
        let unreadable = |error: &dyn std::fmt::Display| {
            let why = format!(
                "{} cannot be understood ({error}); see what it says, then end this",
                self.path.display()
            );
            Some(Maintenance::begin(why, "none".to_owned()))
        };
        match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => unreadable(&error),
            Ok(bytes) => serde_json::from_slice(&bytes).map_or_else(|error| unreadable(&error), Some),
        }
    }

    /// Puts an operator's word in force, and then writes it down.
    ///
    /// # Errors
    /// It is in force, but not written down: the next start does not know of it.
    pub fn begin(&self, mode: &ModeSwitch, maintenance: Maintenance) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        mode.begin_by_hand(maintenance.clone());
        self.write(&maintenance)
    }

    /// Ends it, by the request of this id, and removes what was written down.
    ///
    /// # Errors
    /// It has ended, but is still written down: the next start begins it again.
    pub fn end(&self, mode: &ModeSwitch, request: &str) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        mode.end_by_hand(request);
        self.remove()
    }

    /// All or nothing, also when the machine loses its power.
    fn write(&self, maintenance: &Maintenance) -> io::Result<()> {
        let dir = self.dir();
        fs::create_dir_all(dir)?;
        let part = self.path.with_extension("json.part");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(&serde_json::to_vec_pretty(maintenance)?)?;
        file.sync_all()?;
        fs::rename(&part, &self.path)?;
        File::open(dir)?.sync_all()
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => File::open(self.dir())?.sync_all(),
        }
    }

    fn dir(&self) -> &Path {
        match self.path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::Mode;

    #[test]
    fn an_operators_word_survives_until_it_is_taken_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = StateFile::in_dir(&dir.path().join("made/when/needed"));
        assert_eq!(file.read(), None);
        let (mode, said) = (ModeSwitch::default(), Maintenance::begin("a move".to_owned(), "r1".to_owned()));
        file.begin(&mode, said.clone()).expect("written");
        assert_eq!((file.read(), mode.by_hand()), (Some(said.clone()), Some(said)));
        file.end(&mode, "r2").expect("removed");
        file.end(&mode, "r2").expect("again");
        assert_eq!((file.read(), mode.by_hand()), (None, None));
    }

    #[test]
    fn what_cannot_be_written_is_in_force_all_the_same() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("file"), "").expect("written");
        let file = StateFile::in_dir(&dir.path().join("file"));
        let mode = ModeSwitch::default();
        file.begin(&mode, Maintenance::begin("a move".to_owned(), "r1".to_owned()))
            .expect_err("no directory");
        assert_eq!(mode.current(), Mode::ReadOnly);
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_no_permission() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("maintenance.json"), "{").expect("written");
        let said = StateFile::in_dir(dir.path()).read().expect("read-only");
        assert!(said.reason.contains("maintenance.json cannot be understood"), "{}", said.reason);
    }
}
