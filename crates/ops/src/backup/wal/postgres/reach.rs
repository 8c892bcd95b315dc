//! Which moments a backup and the log after it lead to.

use taskward_core::Timestamp;

use super::log::{Log, Read, Way, completion};
use super::record::Commit;
use crate::backup::{BackupSettings, FileProblem, Manifest};

/// Moments that a backup can be brought to, on one timeline.
pub(super) struct Reach {
    pub(super) way: Way,
    pub(super) from: Timestamp,
    /// Everything that was committed by then is in the log.
    pub(super) to: Timestamp,
}

/// Where a recovery is to stop.
pub(super) struct Aim {
    pub(super) way: Way,
    /// The last commit that it has; `None` when that is in the backup itself.
    pub(super) commit: Option<Commit>,
    /// What was read to find it.
    pub(super) read: Read,
}

/// Where a backup leads to, the latest first; else why it leads nowhere.
pub(super) fn reaches(
    settings: &BackupSettings,
    log: &Log,
    base: &Manifest,
) -> Result<Result<Vec<Reach>, String>, FileProblem> {
    let Some(complete) = completion(settings, base) else {
        return Ok(Err("it does not say where the log goes on from it".to_owned()));
    };
    let (mut found, mut why) = (Vec::new(), "the log is of another history".to_owned());
    let mut timelines = log.timelines.clone();
    timelines.insert(complete.0);
    for timeline in timelines {
        let Some(way) = log.way(complete, timeline) else { continue };
        match reach(log, base, way?, timeline == complete.0)? {
            Ok(reach) => found.push(reach),
            Err(reason) if timeline == complete.0 => why = reason,
            Err(_) => {}
        }
    }
    found.sort_by_key(|reach| std::cmp::Reverse(reach.to));
    Ok(if found.is_empty() { Err(why) } else { Ok(found) })
}

fn reach(log: &Log, base: &Manifest, way: Way, is_own: bool) -> Result<Result<Reach, String>, FileProblem> {
    if way.segments.is_empty() {
        return Ok(Err(format!("{} of the log after it is missing", way.missing)));
    }
    let begin = if is_own {
        Some(base.finished_at)
    } else {
        // Before its first commit, what the timeline came from says more.
        log.first_commit(&way)?.map(|commit| commit.at.max(base.finished_at))
    };
    let known = log.tail.at.filter(|_| log.is_last(&way));
    let to = match known {
        Some(at) => Some(at),
        None => log.last_commit(&way)?.map(|commit| commit.at),
    };
    Ok(match (begin, to) {
        (Some(from), Some(to)) if from <= to => Ok(Reach { way, from, to }),
        _ => Err("the log does not reach beyond it yet".to_owned()),
    })
}

/// Finds where a recovery of a backup to a moment is to stop, and so reads all the log that it needs. `None` when the
/// backup does not lead there.
pub(super) fn aim(
    settings: &BackupSettings,
    log: &Log,
    base: &Manifest,
    to: Timestamp,
) -> Result<Option<Aim>, FileProblem> {
    let Ok(reaches) = reaches(settings, log, base)? else { return Ok(None) };
    let Some(reach) = reaches.into_iter().find(|reach| (reach.from..=reach.to).contains(&to)) else {
        return Ok(None);
    };
    let (mut last, mut is_beyond) = (None, false);
    let read = log.commits(&reach.way, &reach.way.segments, &mut |commit| {
        is_beyond = commit.at > to;
        if !is_beyond {
            last = Some(commit);
        }
        !is_beyond
    })?;
    if !is_beyond && log.is_last(&reach.way) {
        // Where the log ends, only this tells whether it is meant to.
        log.tail.verify(&log.archive)?;
    }
    Ok(Some(Aim { way: reach.way, commit: last, read }))
}
