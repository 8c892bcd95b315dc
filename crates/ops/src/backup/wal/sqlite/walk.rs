//! Reading the log from a backup on.

use std::path::Path;

use taskward_core::Timestamp;
use taskward_store::sqlite::wal::{Replay, finish};
use tokio::task::spawn_blocking;

use super::archived::Archived;
use super::segment::{Block, Reader, SegmentId};
use super::start::LogStart;
use crate::backup::engine::join;
use crate::backup::restore::Backup;
use crate::backup::wal::damaged;
use crate::backup::{BackupError, BackupSettings, FileProblem, Listener, Manifest, Progress};

/// What is done with each block; `false` ends the walk.
type Visit<'a> = dyn FnMut(&SegmentId, &Block) -> Result<bool, FileProblem> + 'a;

pub(in crate::backup::wal) fn verify(
    settings: &BackupSettings,
    base: &Manifest,
    to: Option<Timestamp>,
    listener: &Listener,
) -> Result<(usize, u64), BackupError> {
    let Some(start) = &base.log else { return Ok((0, 0)) };
    listener(Progress::Stage("verifying the log"));
    let mut wanted = |_: &SegmentId, block: &Block| Ok(to.is_none_or(|to| block.first_at <= to));
    let walked = walk(settings, start, &mut wanted)?;
    if walked.problems.is_empty() { Ok((walked.files, walked.bytes)) } else { Err(damaged(walked.problems)) }
}

pub(in crate::backup::wal) fn last_commit(
    settings: &BackupSettings,
    base: &Manifest,
    to: Timestamp,
) -> Result<Option<Timestamp>, BackupError> {
    let Some(start) = &base.log else { return Ok(None) };
    let mut last = start.at;
    let mut look = |id: &SegmentId, block: &Block| {
        if block.first_at > to {
            return Ok(false);
        }
        last = block.last_at;
        if block.last_at > to {
            let commits = block.commits(id)?;
            last = commits.iter().rev().find(|commit| commit.at <= to).map_or(last, |commit| commit.at);
        }
        Ok(true)
    };
    let walked = walk(settings, start, &mut look)?;
    match walked.problems.into_iter().next() {
        Some(problem) => Err(damaged(vec![problem])),
        None => Ok(Some(last)),
    }
}

/// Applies the log to a copy of its base, up to the last transaction committed by `to`.
pub(in crate::backup) async fn roll_forward(
    backup: &Backup<'_>,
    to: Timestamp,
    copy: &Path,
) -> Result<(), BackupError> {
    let Some(start) = backup.manifest.log.clone() else {
        return Err(BackupError::NoLog(format!("{} was made without it", backup.manifest.id)));
    };
    let (settings, listener, copy) = (backup.settings.clone(), backup.listener.clone(), copy.to_owned());
    let work = move || {
        listener(Progress::Stage("rolling forward"));
        let failed = |error| BackupError::io("cannot roll forward", &copy)(error);
        let mut replay = Replay::open(&copy).map_err(failed)?;
        let mut failure = None;
        let mut apply = |id: &SegmentId, block: &Block| {
            for commit in block.commits(id)? {
                if commit.at > to {
                    return Ok(false);
                }
                if let Err(error) = replay.apply(&commit.pages, commit.database_pages) {
                    failure = Some(error);
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let walked = walk(&settings, &start, &mut apply)?;
        if let Some(problem) = walked.problems.into_iter().next() {
            return Err(damaged(vec![problem]));
        }
        if let Some(error) = failure {
            return Err(failed(error));
        }
        replay.close().map_err(failed)?;
        finish(&copy).map_err(BackupError::store("the restored database"))
    };
    join(spawn_blocking(work)).await
}

/// What a walk has seen.
struct Walked {
    files: usize,
    bytes: u64,
    problems: Vec<FileProblem>,
}

/// Visits the blocks after a backup, in their order, each after it was verified. A file with a problem is not visited further,
/// and the files after it are only verified.
fn walk(settings: &BackupSettings, start: &LogStart, visit: &mut Visit<'_>) -> Result<Walked, BackupError> {
    let dir = super::directory_in(&settings.dir);
    let archived = Archived::read(&dir).map_err(|problem| damaged(vec![problem]))?;
    let mut walked = Walked { files: 0, bytes: 0, problems: Vec::new() };
    for id in super::chain_from(&dir, &start.id, archived.as_ref()) {
        let end = super::end_of(&dir, &id, archived.as_ref());
        let mut file = || -> Result<bool, FileProblem> {
            let mut reader = Reader::open(&dir, &id)?;
            let mut goes_on = true;
            while let Some(block) = reader.next(end.as_ref())? {
                let known = block.first + u64::from(block.count()) <= start.commits + 1;
                if goes_on && !known && walked.problems.is_empty() {
                    goes_on = visit(&id, &block)?;
                }
            }
            walked.files += 1;
            walked.bytes += reader.bytes();
            Ok(goes_on)
        };
        match file() {
            Ok(true) => {}
            Ok(false) => break,
            Err(problem) => walked.problems.push(problem),
        }
    }
    Ok(walked)
}
