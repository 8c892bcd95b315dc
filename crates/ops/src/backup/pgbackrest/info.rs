//! What pgBackRest says of a stanza: `pgbackrest info --output=json`.

use serde::Deserialize;

use super::{failed, must};
use crate::backup::BackupError;
use crate::backup::postgres::ServerUser;

/// Codes of a stanza's status with which a backup can be made: all is well, and there is none yet.
const USABLE: [u32; 2] = [0, 2];

/// A stanza.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::backup) struct Info {
    status: Status,
    #[serde(default)]
    backup: Vec<Kept>,
}

#[derive(Debug, Clone, Deserialize)]
struct Status {
    code: u32,
    message: String,
}

/// A backup in the repository.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::backup) struct Kept {
    pub(in crate::backup) label: String,
    /// Whether pages of the database were broken already when they were copied; older versions do not say.
    #[serde(default)]
    pub(in crate::backup) error: Option<bool>,
    pub(in crate::backup) archive: Range,
    pub(in crate::backup) lsn: Option<Range>,
    /// The backups that it needs; full ones need none.
    #[serde(default)]
    pub(in crate::backup) reference: Option<Vec<String>>,
    database: Place,
}

/// From where to where, of the log.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::backup) struct Range {
    pub(in crate::backup) start: String,
    pub(in crate::backup) stop: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Place {
    id: u32,
}

impl Info {
    pub(in crate::backup) async fn read(stanza: &str, user: ServerUser) -> Result<Self, BackupError> {
        let text = must(stanza, user, &["info", "--output=json"]).await?;
        let all: Vec<Self> = serde_json::from_slice(&text)
            .map_err(|error| failed(format!("what it says of {stanza} is not understood: {error}")))?;
        all.into_iter().next().ok_or_else(|| failed(format!("it says nothing of {stanza}")))
    }

    pub(in crate::backup) fn takes_backups(&self) -> bool {
        USABLE.contains(&self.status.code)
    }

    /// What is wrong with the stanza, in pgBackRest's words.
    pub(in crate::backup) fn message(&self) -> &str {
        &self.status.message
    }

    /// The backup of this name.
    pub(in crate::backup) fn kept(&self, label: &str) -> Option<&Kept> {
        self.backup.iter().find(|kept| kept.label == label)
    }

    /// The latest backup.
    pub(in crate::backup) fn latest(&self) -> Option<&Kept> {
        self.backup.last()
    }
}

impl Kept {
    /// What begins the names of the archive that the log of this backup is in: `15-1` ends with it.
    pub(super) fn database_id(&self) -> u32 {
        self.database.id
    }

    /// The backups that it is restored from: itself, and those it refers to.
    pub(super) fn labels(&self) -> Vec<&str> {
        let others = self.reference.iter().flatten().map(String::as_str);
        std::iter::once(self.label.as_str()).chain(others).collect()
    }
}
