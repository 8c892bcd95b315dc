//! Where SQLite can be brought back to.

use std::path::Path;

use taskward_core::Timestamp;

use super::archived::Archived;
use super::segment::{End, Reader, SegmentId};
use super::start::LogStart;
use crate::backup::wal::{Base, Gap, Points, Unusable, Window, damaged};
use crate::backup::{BackupError, BackupSettings, FileProblem, Manifest};

/// A log without a gap, as far as is known without reading it.
struct Chain {
    name: String,
    to: Timestamp,
    gap: Option<Gap>,
}

pub(in crate::backup::wal) fn points(
    settings: &BackupSettings,
    bases: &[Manifest],
) -> Result<Points, BackupError> {
    let dir = super::directory_in(&settings.dir);
    let archived = Archived::read(&dir).map_err(|problem| damaged(vec![problem]))?;
    let chains = archived.as_ref().map(|archived| chains(&dir, archived)).unwrap_or_default();
    let mut points = Points::default();
    // The latest chain first, as backups are.
    for chain in &chains {
        let mut window = Window { from: chain.to, to: chain.to, bases: Vec::new() };
        for base in bases {
            let Some(start) = base.log.as_ref().filter(|start| start.id.chain == chain.name) else {
                continue;
            };
            match first_moment(&dir, start, archived.as_ref()) {
                Ok(Some(from)) if from <= chain.to => {
                    window.bases.insert(0, Base { backup: base.id.clone(), from });
                    window.from = from;
                }
                Ok(_) => points.unusable.push(unusable(base, "the log ends before it")),
                Err(problem) => points.damaged.push(problem),
            }
        }
        if !window.bases.is_empty() {
            points.windows.push(window);
        }
        points.gaps.extend(chain.gap.clone());
    }
    for base in bases {
        match &base.log {
            None => points.unusable.push(unusable(base, "the log was not kept when it was made")),
            Some(start) if !chains.iter().any(|chain| chain.name == start.id.chain) => {
                points.unusable.push(unusable(base, &format!("{} is missing", start.id.shown())));
            }
            Some(_) => {}
        }
    }
    Ok(points)
}

fn unusable(base: &Manifest, why: &str) -> Unusable {
    Unusable { backup: base.id.clone(), why: why.to_owned() }
}

/// The chains in the directory, the latest first.
fn chains(dir: &Path, archived: &Archived) -> Vec<Chain> {
    let newest = Chain { name: archived.id.chain.clone(), to: archived.complete_until, gap: None };
    let mut chains = vec![newest];
    // The first file of a chain says how the one before it ended.
    while let Some(last) = chains.last_mut() {
        let first = SegmentId { chain: last.name.clone(), number: 1 };
        let Ok(reader) = Reader::open(dir, &first) else { break };
        let Some(End { id, complete_until, gap: Some(why), .. }) = reader.line.after else { break };
        last.gap = Some(Gap { from: complete_until, to: reader.line.began_at, why });
        chains.push(Chain { name: id.chain, to: complete_until, gap: None });
    }
    chains
}

/// The first moment that a backup can be brought to: that of the transaction that it is certainly not beyond. `None` when the
/// log does not go so far.
fn first_moment(
    dir: &Path,
    start: &LogStart,
    archived: Option<&Archived>,
) -> Result<Option<Timestamp>, FileProblem> {
    let Some(reach) = start.reach else { return Ok(Some(start.at)) };
    if start.mark.is_some_and(|mark| mark.salts == reach.salts && mark.frame >= reach.frame) {
        return Ok(Some(start.at));
    }
    // Once its log was seen, any other of SQLite's logs is a later one.
    let mut seen = start.mark.is_some_and(|mark| mark.salts == reach.salts);
    for id in super::chain_from(dir, &start.id, archived) {
        let end = super::end_of(dir, &id, archived);
        let mut reader = Reader::open(dir, &id)?;
        while let Some(block) = reader.next(end.as_ref())? {
            if block.first <= start.commits {
                continue;
            }
            let same = block.salts == reach.salts;
            if !same && seen {
                return Ok(Some(block.first_at));
            }
            seen |= same;
            if same && block.last_frame >= reach.frame {
                let commits = block.commits(&id)?;
                return Ok(commits.iter().find(|commit| commit.frame >= reach.frame).map(|commit| commit.at));
            }
        }
    }
    Ok(None)
}
