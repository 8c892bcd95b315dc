//! The user that servers run as: PostgreSQL refuses root.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use tokio::process::Command;

use crate::backup::BackupError;

/// A user that is not root; `None` when that is this process's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backup) struct ServerUser(Option<(u32, u32)>);

impl ServerUser {
    /// This process's user, whoever that is.
    pub(in crate::backup) fn own() -> Self {
        Self(None)
    }

    /// This process's user; for root, the owner of `like`, else the user `postgres`.
    pub(in crate::backup) fn find(like: Option<&Path>) -> Result<Self, BackupError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self(None));
        }
        let owner = like.and_then(|path| fs::metadata(path).ok()).map(|it| (it.uid(), it.gid()));
        if let Some(owner) = owner.filter(|(uid, _)| *uid != 0) {
            return Ok(Self(Some(owner)));
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let postgres = users.lines().find_map(|line| {
            let mut fields = line.strip_prefix("postgres:")?.split(':').skip(1);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        postgres.map(|user| Self(Some(user))).ok_or_else(|| BackupError::Program {
            program: "postgres".to_owned(),
            why: "it does not run as root, and there is no user postgres".to_owned(),
        })
    }

    /// Makes a directory for this user only.
    pub(in crate::backup) fn make_dir(self, path: &Path) -> Result<(), BackupError> {
        let made = crate::backup::files::make_dir(path).and_then(|()| match self.0 {
            Some((uid, gid)) => chown(path, Some(uid), Some(gid)),
            None => Ok(()),
        });
        made.map_err(BackupError::io("cannot make", path))
    }

    /// Makes a file this user's.
    pub(in crate::backup) fn give(self, path: &Path) -> Result<(), BackupError> {
        let Some((uid, gid)) = self.0 else { return Ok(()) };
        chown(path, Some(uid), Some(gid)).map_err(BackupError::io("cannot change the owner of", path))
    }

    /// Runs a command as this user.
    pub(in crate::backup) fn apply(self, command: &mut Command) {
        if let Some((uid, gid)) = self.0 {
            command.uid(uid).gid(gid);
        }
    }
}
