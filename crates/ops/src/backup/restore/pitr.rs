//! To a moment: which backup leads there, and what is lost.

use serde::Serialize;
use taskward_core::Timestamp;
use taskward_store::Since;

use crate::backup::{BackupError, BackupSettings, Catalogue, Manifest, Which, wal};

/// What is to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// A backup as it is.
    Backup(Which),
    /// The database as it was at a moment, from a backup and the log after it.
    Moment(Timestamp),
}

/// What is known of a moment before it is restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PointPlan {
    /// The moment.
    pub to: Timestamp,
    /// The window that it is in.
    pub window: wal::Window,
    /// When the last commit at or before it was; `None` when that is not known.
    pub commit_at: Option<Timestamp>,
    /// What the live database has that is later, and is lost to the restored one; `None` when it cannot be read.
    pub lost: Option<Since>,
}

/// A backup, and the moment that the log after it leads to.
pub(in crate::backup) struct Chosen {
    pub(in crate::backup) manifest: Manifest,
    pub(in crate::backup) to: Option<Timestamp>,
    window: Option<wal::Window>,
}

impl Chosen {
    /// Of which moment the restored database is.
    pub(in crate::backup) fn point_at(&self) -> Timestamp {
        self.to.unwrap_or(self.manifest.point_at)
    }

    /// What is known of the moment.
    pub(super) async fn plan(&self, settings: &BackupSettings) -> Result<Option<PointPlan>, BackupError> {
        let (Some(to), Some(window)) = (self.to, self.window.clone()) else { return Ok(None) };
        let commit_at = wal::last_commit(settings, &self.manifest, to)?;
        Ok(Some(PointPlan { to, window, commit_at, lost: wal::since(settings, to).await }))
    }
}

/// Finds the backup, and makes sure that a moment can be reached from it. Reads no file as a whole.
pub(in crate::backup) fn choose(
    settings: &BackupSettings,
    goal: &Goal,
    now: Timestamp,
) -> Result<Chosen, BackupError> {
    let catalogue = Catalogue::new(&settings.dir);
    let to = match goal {
        Goal::Backup(which) => {
            return Ok(Chosen { manifest: catalogue.find(which)?, to: None, window: None });
        }
        Goal::Moment(to) => *to,
    };
    if to > now {
        return Err(BackupError::Future { to, now });
    }
    let points = wal::points(settings)?;
    let found = points.windows.iter().find_map(|window| Some((window.base_for(to)?.backup.clone(), window)));
    let Some((id, window)) = found else {
        return Err(match points {
            // There may have been a way.
            points if !points.damaged.is_empty() => wal::damaged(points.damaged),
            points if points.windows.is_empty() => no_window(&catalogue, &points),
            points => BackupError::OutsideWindow { to, points: Box::new(points) },
        });
    };
    let manifest = catalogue.find(&Which::Id(id))?;
    Ok(Chosen { manifest, to: Some(to), window: Some(window.clone()) })
}

/// Why no moment at all can be restored to: there is no backup, or none has a log after it.
fn no_window(catalogue: &Catalogue, points: &wal::Points) -> BackupError {
    match (points.unusable.first(), catalogue.find(&Which::Latest)) {
        (Some(latest), _) => BackupError::NoLog(format!("{}: {}", latest.backup, latest.why)),
        (None, Ok(latest)) => {
            BackupError::NoLog(format!("{} is no copy that a log leads on from", latest.id))
        }
        (None, Err(error)) => error,
    }
}
