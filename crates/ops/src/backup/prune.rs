//! `taskward backup prune`: removing what is not to be kept any longer.

use serde::Serialize;
use tokio::task::spawn_blocking;

use super::verify::files_of;
use super::{
    BackupError, BackupSettings, Catalogue, Listed, ListedState, Listener, Manifest, engine, pgbackrest, wal,
};

/// What was removed, or would be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PruneReport {
    /// Whether nothing was removed, only looked at.
    pub dry_run: bool,
    /// What is removed, the latest first.
    pub removed: Vec<Removed>,
    /// Ids of what is kept, the latest first.
    pub kept: Vec<String>,
    /// The latest backup whose files are all what they were; it is among those kept. `None`: there is none, and no
    /// complete backup is removed.
    pub last_good: Option<String>,
}

/// Something that is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Its id; of the log, how much of it.
    pub id: String,
    /// Why.
    pub why: &'static str,
    /// The room it took, in bytes.
    pub bytes: u64,
}

/// Removes backups that retention does not keep, what interrupted ones have left, and the log that no kept one needs. The
/// last backup that can be used is never removed: the kept ones are read until one is found whose files are what they
/// were. Damaged ones stay: somebody should look at them.
///
/// # Errors
/// [`BackupError::Locked`] while a backup is being made; [`BackupError::Io`].
pub async fn prune(
    settings: &BackupSettings,
    dry_run: bool,
    listener: &Listener,
) -> Result<PruneReport, BackupError> {
    let (settings, listener) = (settings.clone(), listener.clone());
    let expired = pgbackrest::expired(&Catalogue::new(&settings.dir)).await?;
    engine::join(spawn_blocking(move || blocking(&settings, dry_run, &expired, &listener))).await
}

fn blocking(
    settings: &BackupSettings,
    dry_run: bool,
    expired: &[String],
    listener: &Listener,
) -> Result<PruneReport, BackupError> {
    let catalogue = Catalogue::new(&settings.dir);
    if !settings.dir.exists() {
        return Ok(PruneReport { dry_run, removed: Vec::new(), kept: Vec::new(), last_good: None });
    }
    let _lock = catalogue.lock()?;
    let listed = catalogue.list()?;
    // What is in pgBackRest's repository is kept for as long as that keeps it.
    let (elsewhere, complete): (Vec<&Manifest>, Vec<&Manifest>) =
        listed.iter().filter_map(Listed::manifest).partition(|manifest| manifest.in_repository.is_some());
    let moments: Vec<_> = complete.iter().map(|manifest| manifest.point_at).collect();
    let mut kept = settings.keep.kept(&moments);
    // Those that are kept first, and the latest of them: the first sound one is found soon.
    let mut order: Vec<usize> = (0..complete.len()).collect();
    order.sort_by_key(|&place| !kept[place]);
    let sound =
        order.into_iter().find(|&place| files_of(&catalogue, complete[place], |_| true, listener).is_ok());
    match sound {
        Some(place) => kept[place] = true,
        None => kept.fill(true),
    }
    let stays: Vec<&str> = complete
        .iter()
        .zip(&kept)
        .filter(|(_, kept)| **kept)
        .map(|(manifest, _)| manifest.id.as_str())
        .collect();
    let there = elsewhere.iter().map(|manifest| &manifest.id).find(|id| !expired.contains(id)).cloned();
    let mut report = PruneReport {
        dry_run,
        removed: Vec::new(),
        kept: Vec::new(),
        last_good: sound.map(|place| complete[place].id.clone()).max(there),
    };
    let needs: Vec<&Manifest> =
        complete.iter().copied().filter(|manifest| stays.contains(&manifest.id.as_str())).collect();
    for one in &listed {
        let why = match &one.state {
            ListedState::Partial => "it was interrupted",
            ListedState::Complete { manifest } if manifest.in_repository.is_some() => {
                if !expired.contains(&one.id) {
                    report.kept.push(one.id.clone());
                    continue;
                }
                "pgBackRest has expired it"
            }
            ListedState::Complete { .. } if !stays.contains(&one.id.as_str()) => "retention does not keep it",
            _ => {
                report.kept.push(one.id.clone());
                continue;
            }
        };
        if !dry_run {
            catalogue.remove(one)?;
        }
        report.removed.push(Removed { id: one.id.clone(), why, bytes: one.bytes });
    }
    let (files, bytes) = wal::prune(settings, &needs, dry_run)?;
    if files > 0 {
        let (id, why) = (format!("wal: {files} files"), "no backup that is kept needs this log");
        report.removed.push(Removed { id, why, bytes });
    }
    Ok(report)
}
