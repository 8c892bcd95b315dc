//! Timelines: each restore, and each standby that takes over, begins a new history of the database.

use std::collections::BTreeSet;

use super::archive::{Archive, changed};
use super::segment::{Lsn, Segment};
use crate::backup::FileProblem;

/// The way from the first timeline to one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::backup) struct Line {
    /// The timeline it leads to.
    pub(in crate::backup) timeline: u32,
    /// Those it came from, each with where it was left.
    left: Vec<(u32, Lsn)>,
}

impl Line {
    /// The way to a timeline; `None` when the archive does not know it.
    pub(in crate::backup) fn to(archive: &Archive, timeline: u32) -> Option<Result<Self, FileProblem>> {
        if timeline == 1 {
            return Some(Ok(Self::alone(timeline)));
        }
        let name = format!("{timeline:08X}.history");
        let read = archive.get(&name)?;
        Some(read.and_then(|content| {
            let text = String::from_utf8_lossy(&content);
            let left = parse(&text).ok_or_else(|| {
                let path = archive.path(&name);
                changed(&path, "cannot be understood".to_owned())
            })?;
            Ok(Self { timeline, left })
        }))
    }

    /// A timeline of which it is not known what it came from.
    pub(in crate::backup) fn alone(timeline: u32) -> Self {
        Self { timeline, left: Vec::new() }
    }

    /// Where its own timeline begins; zero for the first.
    pub(in crate::backup) fn begin(&self) -> Lsn {
        self.left.last().map_or(Lsn(0), |(_, position)| *position)
    }

    /// Whether it leads over this position of a timeline.
    pub(in crate::backup) fn leads_over(&self, timeline: u32, position: Lsn) -> bool {
        timeline == self.timeline || self.left.iter().any(|(left, end)| *left == timeline && position <= *end)
    }

    /// The segment that holds a part of the log, on the timeline that it is read from: one in which a timeline was left
    /// is in the next one as a whole.
    pub(in crate::backup) fn segment(&self, place: Segment, size: u64) -> Segment {
        let left = self.left.iter().find(|(_, end)| place.end(size) <= *end);
        place.on(left.map_or(self.timeline, |(timeline, _)| *timeline))
    }
}

/// All timelines that the archive has anything of.
pub(in crate::backup) fn known(archive: &Archive, segments: &[Segment]) -> BTreeSet<u32> {
    segments.iter().map(|segment| segment.timeline).chain(archive.timelines()).collect()
}

/// Lines such as `1<TAB>0/3000000<TAB>before 2026-…`, the oldest first.
fn parse(text: &str) -> Option<Vec<(u32, Lsn)>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parse = |line: &str| {
        let mut fields = line.split_whitespace();
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let left: Vec<(u32, Lsn)> = lines.map(parse).collect::<Option<_>>()?;
    (!left.is_empty()).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_leads_from_one_timeline_to_the_next() {
        let size = 1 << 20;
        let left =
            parse("1\t0/280000\tno recovery target specified\n\n2\t0/500000\tbefore x\n").expect("a history");
        let line = Line { timeline: 3, left };
        let at = |position| line.segment(Segment::holding(1, Lsn(position), size), size).timeline;
        // 0x280000 is within the third segment, and 0x500000 ends the fifth.
        let places = [0, 0x10_0000, 0x20_0000, 0x30_0000, 0x40_0000, 0x50_0000];
        assert_eq!(places.map(at), [1, 1, 2, 2, 2, 3]);
        assert!(line.leads_over(1, Lsn(0x28_0000)) && !line.leads_over(1, Lsn(0x28_0001)));
        assert!(line.leads_over(3, Lsn(u64::MAX)) && !line.leads_over(4, Lsn(0)));
        assert_eq!(parse("x\t0/280000"), None);
    }
}
