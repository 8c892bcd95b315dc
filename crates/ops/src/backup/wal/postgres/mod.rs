//! PostgreSQL's log: archived by streaming or by the server's `archive_command`, and recovered from.

mod archive;
mod check;
mod handover;
mod incoming;
mod lag;
mod log;
mod prune;
mod reach;
mod record;
mod recover;
mod segment;
mod stream;
mod tail;
mod timeline;
mod watch;

use std::collections::BTreeMap;

use taskward_core::Timestamp;

use super::{Base, Gap, Points, Unusable, Window, damaged};
use crate::backup::{BackupError, BackupSettings, FileProblem, Listener, Manifest, Progress};

use archive::{Archive, missing};
use log::Log;
use reach::{Reach, aim, reaches};

pub(in crate::backup) use check::check;
pub use handover::{Archived, archive_wal, fetch_wal};
pub(super) use prune::prune;
pub(in crate::backup) use recover::{keep_histories, prepare};
pub use stream::{StreamEvent, StreamListener, stream};
pub use watch::{WalReading, WalWatch};

fn one(problem: FileProblem) -> BackupError {
    damaged(vec![problem])
}

fn open(settings: &BackupSettings) -> Result<Option<Log>, BackupError> {
    Log::open(Archive::new(&settings.dir)).map_err(one)
}

/// Where the database can be brought back to, by these backups.
pub(super) fn points(settings: &BackupSettings, bases: &[Manifest]) -> Result<Points, BackupError> {
    let mut points = Points::default();
    let Some(log) = open(settings)? else {
        let why = "nothing of the log was archived yet";
        let unusable = |base: &Manifest| Unusable { backup: base.id.clone(), why: why.to_owned() };
        points.unusable = bases.iter().map(unusable).collect();
        return Ok(points);
    };
    // A window for each end: a timeline, and the first segment that it does not have.
    let mut windows: BTreeMap<_, (Window, Reach)> = BTreeMap::new();
    for base in bases {
        match reaches(settings, &log, base).map_err(one)? {
            Err(why) => points.unusable.push(Unusable { backup: base.id.clone(), why }),
            Ok(found) => {
                for reach in found {
                    let own = Base { backup: base.id.clone(), from: reach.from };
                    let end = (reach.way.line.timeline, reach.way.missing.place());
                    let window = Window { from: reach.from, to: reach.to, bases: Vec::new() };
                    let (window, _) = windows.entry(end).or_insert((window, reach));
                    window.from = window.from.min(own.from);
                    window.bases.insert(0, own);
                }
            }
        }
    }
    points.gaps = gaps(&log, windows.values());
    points.damaged.extend(log.tail.verify(&log.archive).err());
    // A gap before the latest backup is known, and harms nothing that comes.
    if let Some(base) = bases.first() {
        let cut = ways(settings, &log, base)?.into_iter().filter(|way| log.goes_on_after(way));
        for problem in cut.map(|way| log.missing_after(&way)) {
            if !points.damaged.contains(&problem) {
                points.damaged.push(problem);
            }
        }
    }
    points.windows = windows.into_values().map(|(window, _)| window).collect();
    points.windows.sort_by_key(|window| std::cmp::Reverse(window.to));
    Ok(points)
}

/// Windows that end although the log goes on.
fn gaps<'a>(log: &Log, windows: impl Iterator<Item = &'a (Window, Reach)> + Clone) -> Vec<Gap> {
    let cut = windows.clone().filter(|(_, reach)| log.goes_on_after(&reach.way));
    let mut gaps: Vec<Gap> = cut
        .map(|(window, reach)| {
            let next = windows.clone().map(|(other, _)| other.from).filter(|from| *from > window.to).min();
            Gap {
                from: window.to,
                to: next.or(log.tail.at).unwrap_or(window.to),
                why: format!("{} of the log is missing", reach.way.missing),
            }
        })
        .collect();
    gaps.sort_by_key(|gap| std::cmp::Reverse(gap.from));
    gaps
}

/// Reads the log from a backup on, to a moment or to its end.
pub(super) fn verify(
    settings: &BackupSettings,
    base: &Manifest,
    to: Option<Timestamp>,
    listener: &Listener,
) -> Result<(usize, u64), BackupError> {
    listener(Progress::Stage("verifying the log"));
    let Some(log) = open(settings)? else { return Ok((0, 0)) };
    if let Some(to) = to {
        let aim = aim(settings, &log, base, to).map_err(one)?;
        return Ok(aim.map_or((0, 0), |aim| (aim.read.files, aim.read.bytes)));
    }
    let mut problems: Vec<FileProblem> = log.tail.verify(&log.archive).err().into_iter().collect();
    let (mut files, mut bytes) = (0, 0);
    for way in ways(settings, &log, base)? {
        match log.commits(&way, &way.segments, &mut |_| true) {
            Ok(read) => (files, bytes) = (files + read.files, bytes + read.bytes),
            Err(problem) => problems.push(problem),
        }
        if log.goes_on_after(&way) {
            problems.push(log.missing_after(&way));
        }
    }
    if problems.is_empty() { Ok((files, bytes)) } else { Err(damaged(problems)) }
}

/// Every way that the log leads from a backup, to its end or to a gap.
fn ways(settings: &BackupSettings, log: &Log, base: &Manifest) -> Result<Vec<log::Way>, BackupError> {
    let Some(complete) = log::completion(settings, base) else { return Ok(Vec::new()) };
    let mut timelines = log.timelines.clone();
    timelines.insert(complete.0);
    let ways = timelines.into_iter().filter_map(|timeline| log.way(complete, timeline));
    ways.collect::<Result<_, _>>().map_err(one)
}

/// When the last commit at or before a moment was; `None` when that is in the backup itself.
pub(super) fn last_commit(
    settings: &BackupSettings,
    base: &Manifest,
    to: Timestamp,
) -> Result<Option<Timestamp>, BackupError> {
    let Some(log) = open(settings)? else { return Ok(None) };
    let aim = aim(settings, &log, base, to).map_err(one)?;
    Ok(aim.and_then(|aim| aim.commit).map(|commit| commit.at))
}
