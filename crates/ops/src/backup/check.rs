//! `taskward backup check`: whether there is a backup to rely on.

use std::time::Duration;

use serde::Serialize;
use taskward_config::{DatabaseTarget, WalMode};
use taskward_core::{Timestamp, duration};
use taskward_store::HalfSwapped;

use super::clock::age;
use super::{
    BackupError, BackupSettings, Catalogue, ListedState, Manifest, Points, Window, create, drill, pgbackrest,
    wal,
};
use crate::CheckVerdict;

/// How long after a backup its log may not have been archived yet.
const REACHED_WITHIN: Duration = Duration::from_secs(10);
const CREATE: &str = "taskward backup create";
const POINTS: &str = "taskward restore list-points";

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub id: &'static str,
    /// How it ended.
    pub status: CheckVerdict,
    /// What was seen.
    pub evidence: String,
    /// A command that helps; empty where nothing has to be done.
    pub fix: &'static str,
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The worst of them.
    pub status: CheckVerdict,
    /// Each.
    pub checks: Vec<Check>,
}

/// Looks at the directory of backups, at the log where that is kept, and asks pgBackRest where that is the engine; reads no
/// backup as a whole.
///
/// # Errors
/// [`BackupError::Destination`] when the directory cannot be read.
pub async fn check(settings: &BackupSettings, now: Timestamp) -> Result<CheckReport, BackupError> {
    let catalogue = Catalogue::new(&settings.dir);
    let mut checks = vec![
        last_backup(settings, &catalogue, now)?,
        sound(&catalogue)?,
        destination(settings),
        last_drill(settings, &catalogue, now),
    ];
    if let Some(stanza) = &settings.stanza {
        checks.push(repository(stanza, &catalogue).await?);
    }
    if settings.wal != WalMode::Off {
        checks.push(log(settings, now)?);
    }
    checks.extend(wal::check_postgres(settings, now).await);
    checks.extend(half_swapped(settings));
    let status = CheckVerdict::worst(checks.iter().map(|check| check.status));
    Ok(CheckReport { status, checks })
}

fn last_backup(
    settings: &BackupSettings,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Check, BackupError> {
    let rpo = duration::format(settings.rpo);
    let (status, evidence) = match catalogue.last_good(now)? {
        None => (CheckVerdict::Fail, format!("there is no backup in {}", settings.dir.display())),
        Some((manifest, age)) => {
            let status = if age <= settings.rpo { CheckVerdict::Pass } else { CheckVerdict::Fail };
            (status, format!("{} is of {} ago; backup.rpo is {rpo}", manifest.id, whole(age)))
        }
    };
    Ok(Check { id: "last_backup", status, evidence, fix: fix(status, CREATE) })
}

/// What a restore that was killed while it swapped has left; of a cluster only `restore run` knows where it is.
fn half_swapped(settings: &BackupSettings) -> Option<Check> {
    let DatabaseTarget::Sqlite(path) = &settings.database else { return None };
    let half = HalfSwapped::find(path)?;
    let (kept, staged) = (half.kept.display(), half.staged.display());
    let evidence = format!("{half}; what was there before is {kept}, what was restored {staged}");
    let fix = "taskward restore run --latest --dry-run";
    Some(Check { id: "swap", status: CheckVerdict::Fail, evidence, fix })
}

/// Whether pgBackRest has a repository that is well, and in it what is listed here.
async fn repository(stanza: &str, catalogue: &Catalogue) -> Result<Check, BackupError> {
    let (status, evidence) = match pgbackrest::check(stanza).await {
        Err(error) => (CheckVerdict::Fail, error.to_string()),
        Ok(info) => {
            let latest = info.latest().map_or("none yet", |kept| &kept.label);
            let expired = pgbackrest::expired(catalogue).await?;
            match expired.first() {
                None => {
                    (CheckVerdict::Pass, format!("{stanza}: {}, the last backup is {latest}", info.message()))
                }
                Some(id) => {
                    (CheckVerdict::Pass, format!("{stanza} has expired {id}; backup prune removes its name"))
                }
            }
        }
    };
    Ok(Check { id: "pgbackrest", status, evidence, fix: fix(status, "taskward backup create --dry-run") })
}

fn sound(catalogue: &Catalogue) -> Result<Check, BackupError> {
    let listed = catalogue.list()?;
    let ids = |wanted: fn(&ListedState) -> bool| -> Vec<&str> {
        listed.iter().filter(|one| wanted(&one.state)).map(|one| one.id.as_str()).collect()
    };
    let damaged = ids(|state| matches!(state, ListedState::Damaged { .. }));
    let partial = ids(|state| matches!(state, ListedState::Partial));
    let (status, evidence, help) = match (&damaged[..], &partial[..]) {
        ([], []) => (CheckVerdict::Pass, format!("{} backups, all with a sound manifest", listed.len()), ""),
        ([], partial) => {
            let evidence = format!("interrupted, or being made: {}", partial.join(", "));
            (CheckVerdict::Pass, evidence, "taskward backup prune --dry-run")
        }
        (damaged, _) => {
            (CheckVerdict::Fail, format!("damaged: {}", damaged.join(", ")), "taskward backup list")
        }
    };
    Ok(Check { id: "manifests", status, evidence, fix: help })
}

fn destination(settings: &BackupSettings) -> Check {
    let (status, evidence) = match create::usable(&settings.dir) {
        Ok(free) => (CheckVerdict::Pass, format!("{} has {} MiB left", settings.dir.display(), free >> 20)),
        // It names the directory itself.
        Err(BackupError::Destination { why, .. }) => (CheckVerdict::Fail, why),
        Err(error) => (CheckVerdict::Fail, error.to_string()),
    };
    Check { id: "destination", status, evidence, fix: fix(status, "taskward backup create --dry-run") }
}

/// The last drill has to have passed, and must not be long ago.
fn last_drill(settings: &BackupSettings, catalogue: &Catalogue, now: Timestamp) -> Check {
    let (status, evidence) = match drill::history_of(catalogue).as_deref() {
        Err(error) => (CheckVerdict::Unknown, error.to_string()),
        Ok([]) => (CheckVerdict::Unknown, "no backup was ever restored to see whether it works".to_owned()),
        Ok([last, ..]) => {
            let (age, most) = (age(last.at, now), settings.drill_age_max);
            let how = format!("{} ago, of {}: {}", whole(age), last.backup, last.summary());
            match (last.passed, age <= most) {
                (true, true) => (CheckVerdict::Pass, how),
                (true, false) => {
                    let most = duration::format(most);
                    (CheckVerdict::Fail, format!("{how}; alerts.drill_too_old is {most}"))
                }
                (false, _) => (CheckVerdict::Fail, how),
            }
        }
    };
    Check { id: "last_drill", status, evidence, fix: fix(status, "taskward drill restore --latest") }
}

/// Whether the log goes on from the latest backup that it can go on from.
fn log(settings: &BackupSettings, now: Timestamp) -> Result<Check, BackupError> {
    // Not just any backup: a dump that was made since then begins no window.
    let latest = wal::bases(settings)?.into_iter().next();
    let (status, evidence, help) = match (wal::points(settings), latest) {
        (Err(error @ BackupError::Damaged { .. }), _) => (CheckVerdict::Fail, error.to_string(), POINTS),
        (Err(error), _) => return Err(error),
        (Ok(_), None) => {
            (CheckVerdict::Fail, "there is no backup that it could go on from".to_owned(), CREATE)
        }
        (Ok(points), Some(latest)) => goes_on(points, &latest, now),
    };
    Ok(Check { id: "log", status, evidence, fix: fix(status, help) })
}

/// Where the log leads to from a backup.
fn goes_on(points: Points, latest: &Manifest, now: Timestamp) -> (CheckVerdict, String, &'static str) {
    let id = &latest.id;
    if let Some(gap) = points.gap_after(id) {
        let evidence = format!("nothing after {:.0} can be restored to: {}", gap.from, gap.why);
        return (CheckVerdict::Fail, evidence, CREATE);
    }
    if !points.damaged.is_empty() {
        return (CheckVerdict::Fail, wal::damaged(points.damaged).to_string(), POINTS);
    }
    match points.window_of(id) {
        Some(Window { from, to, .. }) => {
            let ago = whole(age(*to, now));
            let evidence = format!("any moment from {from:.0} to {to:.0}, {ago} ago, can be restored to");
            (CheckVerdict::Pass, evidence, "")
        }
        None if age(latest.finished_at, now) < REACHED_WITHIN => {
            let evidence = format!("{id} was made just now, and the log does not reach beyond it yet");
            (CheckVerdict::Unknown, evidence, "taskward backup check")
        }
        None => {
            let evidence = format!("{id} begins no window: the log does not go on from it");
            (CheckVerdict::Fail, evidence, POINTS)
        }
    }
}

fn fix(status: CheckVerdict, command: &'static str) -> &'static str {
    if status == CheckVerdict::Pass { "" } else { command }
}

pub(super) fn whole(age: Duration) -> String {
    duration::format(Duration::from_secs(age.as_secs()))
}
