//! The log as a whole: which of it follows a backup without a gap, and what is committed where.

use std::collections::{BTreeSet, HashSet};

use super::archive::{Archive, changed, missing};
use super::record::{Commit, Reader};
use super::segment::{Lsn, Segment};
use super::tail::Tail;
use super::timeline::{Line, known};
use crate::backup::postgres::ServerManifest;
use crate::backup::{BackupSettings, Catalogue, FileProblem, Manifest};

/// What an archive has.
pub(super) struct Log {
    pub(super) archive: Archive,
    /// Where it ends, and how large its segments are.
    pub(super) tail: Tail,
    segments: HashSet<Segment>,
    pub(super) timelines: BTreeSet<u32>,
}

/// A base backup, and the way that the log leads on from it.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) line: Line,
    /// Where the backup is complete: nothing before can be stopped at.
    pub(super) complete: Lsn,
    /// The segments that follow without a gap; they begin with the one in which the backup is complete.
    pub(super) segments: Vec<Segment>,
    /// The first one that is not there.
    pub(super) missing: Segment,
}

impl Log {
    /// Looks at an archive; `None` when nothing was ever archived.
    pub(super) fn open(archive: Archive) -> Result<Option<Self>, FileProblem> {
        let Some(tail) = Tail::read(&archive)? else { return Ok(None) };
        let mut segments = archive.segments();
        let unmade = archive.unmade(tail.segment_bytes);
        segments.retain(|segment| Some(*segment) != unmade);
        let timelines = known(&archive, &segments);
        Ok(Some(Self { archive, tail, segments: segments.into_iter().collect(), timelines }))
    }

    /// The way that leads from a backup to a timeline; `None` when that does not come from the backup's.
    pub(super) fn way(&self, from: (u32, Lsn), timeline: u32) -> Option<Result<Way, FileProblem>> {
        let (own, complete) = from;
        let line = match Line::to(&self.archive, timeline) {
            Some(Ok(line)) => line,
            Some(Err(problem)) => return Some(Err(problem)),
            // What came before does not matter to a backup of that timeline.
            None if timeline == own => Line::alone(timeline),
            None => return None,
        };
        if !line.leads_over(own, complete) {
            return None;
        }
        let size = self.tail.segment_bytes;
        // A backup that is complete where a segment ends needs nothing of the next one.
        let mut place = Segment::holding(own, Lsn(complete.0.saturating_sub(1)), size);
        let mut segments = Vec::new();
        loop {
            let segment = line.segment(place, size);
            if !self.segments.contains(&segment) {
                return Some(Ok(Way { line, complete, segments, missing: segment }));
            }
            segments.push(segment);
            place = place.next(size);
        }
    }

    /// Whether the way reaches the end of the archive, and not just up to a gap.
    pub(super) fn is_last(&self, way: &Way) -> bool {
        let last = self.tail.file.get(..24).and_then(|name| name.parse::<Segment>().ok());
        last.is_some() && way.segments.last() == last.as_ref()
    }

    /// Whether there is more of the log after the way's end, which its gap cuts off.
    pub(super) fn goes_on_after(&self, way: &Way) -> bool {
        let missing = way.missing;
        self.segments
            .iter()
            .any(|segment| segment.timeline == missing.timeline && segment.place() > missing.place())
            || (self.tail.file.get(..24) == Some(missing.to_string().as_str()))
    }

    /// The segment whose lack ends a way.
    pub(super) fn missing_after(&self, way: &Way) -> FileProblem {
        missing(&self.archive.path(&way.missing.to_string()))
    }

    /// The last commit on a way; `None` when there is none after the backup.
    pub(super) fn last_commit(&self, way: &Way) -> Result<Option<Commit>, FileProblem> {
        for segment in way.segments.iter().rev() {
            let mut last = None;
            self.commits(way, std::slice::from_ref(segment), &mut |commit| {
                last = Some(commit);
                true
            })?;
            if last.is_some() {
                return Ok(last);
            }
        }
        Ok(None)
    }

    /// The first commit on the timeline that a way leads to.
    pub(super) fn first_commit(&self, way: &Way) -> Result<Option<Commit>, FileProblem> {
        let own: Vec<Segment> =
            way.segments.iter().copied().filter(|it| it.timeline == way.line.timeline).collect();
        let mut first = None;
        self.commits(way, &own, &mut |commit| {
            first = Some(commit).filter(|commit| commit.position >= way.line.begin());
            first.is_none()
        })?;
        Ok(first)
    }

    /// Tells of the commits in these segments that come after the backup, until `on_commit` has enough. Everything that is
    /// read is what it was, and the log goes on from each segment to the next.
    pub(super) fn commits(
        &self,
        way: &Way,
        segments: &[Segment],
        on_commit: &mut dyn FnMut(Commit) -> bool,
    ) -> Result<Read, FileProblem> {
        let (mut reader, mut read) = (Reader::default(), Read::default());
        for (number, segment) in segments.iter().enumerate() {
            let name = segment.to_string();
            let content = match self.archive.get(&name) {
                None => return Err(missing(&self.archive.path(&name))),
                Some(content) => content?,
            };
            read.files += 1;
            read.bytes += content.len() as u64;
            let mut enough = false;
            let goes_on = reader.read(&content, &mut |commit| {
                if !enough && commit.position >= way.complete {
                    enough = !on_commit(commit);
                }
            });
            if enough {
                return Ok(read);
            }
            if !goes_on && number + 1 < segments.len() {
                let path =
                    self.archive.find(&name).map_or_else(|| self.archive.path(&name), |it| it.path().into());
                let end = reader.end().map_or_else(|| "its beginning".to_owned(), |end| end.to_string());
                return Err(changed(&path, format!("holds no log after {end}")));
            }
        }
        read.end = reader.end();
        Ok(read)
    }
}

/// What was read of the log.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Read {
    pub(super) files: usize,
    pub(super) bytes: u64,
    /// Where the last whole record ends, when everything was read.
    pub(super) end: Option<Lsn>,
}

/// On which timeline a base backup is complete, and where; `None` when it does not say.
pub(super) fn completion(settings: &BackupSettings, base: &Manifest) -> Option<(u32, Lsn)> {
    let manifest = ServerManifest::read(&Catalogue::new(&settings.dir).path(&base.id))?;
    let (timeline, position) = manifest.completion()?;
    Some((timeline, position.parse().ok()?))
}
