//! Names of PostgreSQL's log: positions, segments, timelines.

use std::fmt;
use std::str::FromStr;

/// A position in the log: bytes since the cluster was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(in crate::backup) struct Lsn(pub(in crate::backup) u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl FromStr for Lsn {
    type Err = ();

    /// As PostgreSQL writes it: `0/15244A8`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (high, low) = text.trim().split_once('/').ok_or(())?;
        let part = |text| u32::from_str_radix(text, 16).map(u64::from).map_err(|_| ());
        Ok(Self(part(high)? << 32 | part(low)?))
    }
}

/// A segment of the log. Its size is the cluster's, and no part of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::backup) struct Segment {
    /// The timeline it is of.
    pub(in crate::backup) timeline: u32,
    /// The two further parts of its name: four gibibytes of log, and which segment of those.
    parts: (u32, u32),
}

impl Segment {
    /// The one that holds a position.
    pub(in crate::backup) fn holding(timeline: u32, position: Lsn, size: u64) -> Self {
        let number = (position.0 & 0xffff_ffff) / size;
        // Both are below 2^32: the first by the shift, the second by the mask.
        let part = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        Self { timeline, parts: (part(position.0 >> 32), part(number)) }
    }

    /// Where it begins.
    pub(in crate::backup) fn start(self, size: u64) -> Lsn {
        Lsn(u64::from(self.parts.0) << 32 | u64::from(self.parts.1).saturating_mul(size))
    }

    /// Where the next one begins.
    pub(in crate::backup) fn end(self, size: u64) -> Lsn {
        Lsn(self.start(size).0.saturating_add(size))
    }

    /// The one that follows, on the same timeline.
    pub(in crate::backup) fn next(self, size: u64) -> Self {
        Self::holding(self.timeline, self.end(size), size)
    }

    /// The same part of the log, on another timeline.
    pub(in crate::backup) fn on(self, timeline: u32) -> Self {
        Self { timeline, ..self }
    }

    /// What says where in the log it is, whatever its timeline; ordered as the log is.
    pub(in crate::backup) fn place(self) -> (u32, u32) {
        self.parts
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}{:08X}{:08X}", self.timeline, self.parts.0, self.parts.1)
    }
}

impl FromStr for Segment {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.len() != 24 || !text.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)) {
            return Err(());
        }
        let part = |at: usize| u32::from_str_radix(&text[at..at + 8], 16).map_err(|_| ());
        Ok(Self { timeline: part(0)?, parts: (part(8)?, part(16)?) })
    }
}

/// A file that PostgreSQL archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backup) enum LogFile {
    /// A segment.
    Segment(Segment),
    /// The last segment of a timeline that was left, as far as it was written.
    Partial(Segment),
    /// How a timeline came to be.
    History(u32),
    /// Where a base backup began, for people.
    Label,
}

impl FromStr for LogFile {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        if let Ok(segment) = name.parse() {
            return Ok(Self::Segment(segment));
        }
        let (head, ending) = name.rsplit_once('.').ok_or(())?;
        match ending {
            "partial" => head.parse().map(Self::Partial),
            "history" if head.len() == 8 => u32::from_str_radix(head, 16).map(Self::History).map_err(|_| ()),
            "backup" => {
                let (segment, offset) = head.split_once('.').ok_or(())?;
                segment.parse::<Segment>()?;
                u32::from_str_radix(offset, 16).map(|_| Self::Label).map_err(|_| ())
            }
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEBI: u64 = 1 << 20;

    #[test]
    fn positions_and_segments_are_written_as_postgresql_does() {
        let position: Lsn = "1/FF0244A8".parse().expect("a position");
        assert_eq!(position.to_string(), "1/FF0244A8");
        for (size, name) in [(16 * MEBI, "0000000300000001000000FF"), (MEBI, "000000030000000100000FF0")] {
            let segment = Segment::holding(3, position, size);
            assert_eq!((segment.to_string().as_str(), name.parse()), (name, Ok(segment)));
            assert!((segment.start(size)..segment.end(size)).contains(&position));
        }
        let last = Segment::holding(3, position, 16 * MEBI);
        assert_eq!(last.next(16 * MEBI).to_string(), "000000030000000200000000");
    }

    #[test]
    fn what_is_archived_is_known_by_its_name() {
        let segment: Segment = "000000010000000000000002".parse().expect("a segment");
        for (name, expected) in [
            ("000000010000000000000002", Ok(LogFile::Segment(segment))),
            ("000000010000000000000002.partial", Ok(LogFile::Partial(segment))),
            ("00000002.history", Ok(LogFile::History(2))),
            ("000000010000000000000002.00000028.backup", Ok(LogFile::Label)),
            ("00000001000000000000000g", Err(())),
            ("../00000002.history", Err(())),
            ("000000010000000000000002.gz", Err(())),
        ] {
            assert_eq!(name.parse(), expected, "{name}");
        }
    }
}
