//! How far the archived log is behind the server's.

use std::collections::VecDeque;

use taskward_core::Timestamp;

use super::segment::Lsn;

/// Looks that are remembered; when more are not archived, the oldest are what counts.
const LOOKS_MAX: usize = 10_000;

/// What the server had written when it was looked at, as long as the archive does not have it.
#[derive(Debug, Default)]
pub(super) struct Behind(VecDeque<(Timestamp, Lsn)>);

impl Behind {
    /// The server was at `position` then.
    pub(super) fn looked(&mut self, at: Timestamp, position: Lsn) {
        if self.0.len() < LOOKS_MAX {
            self.0.push_back((at, position));
        }
    }

    /// The archive has everything before `archived`. Answers the latest look whose log it has now, and had not: what was
    /// committed by then is in it.
    pub(super) fn reached(&mut self, archived: Lsn) -> Option<Timestamp> {
        let mut reached = None;
        while let Some((at, _)) = self.0.front().filter(|(_, position)| *position <= archived) {
            reached = Some(*at);
            self.0.pop_front();
        }
        reached
    }

    /// The oldest look whose log the archive does not have.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.0.front().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_has_what_was_written_by_the_latest_look_it_reaches() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let step = |behind: &mut Behind, second, position, archived| {
            behind.looked(at(second), Lsn(position));
            behind.reached(Lsn(archived))
        };
        let mut behind = Behind::default();
        assert_eq!(step(&mut behind, 1, 10, 5), None);
        assert_eq!(step(&mut behind, 2, 20, 9), None);
        assert_eq!(behind.since(), Some(at(1)));
        assert_eq!(step(&mut behind, 3, 30, 20), Some(at(2)));
        assert_eq!(behind.since(), Some(at(3)));
        assert_eq!(step(&mut behind, 4, 30, 30), Some(at(4)));
        assert_eq!(behind.since(), None);
    }
}
