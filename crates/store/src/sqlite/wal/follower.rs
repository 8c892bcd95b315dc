//! What the writer and whoever archives its log tell each other.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taskward_core::Timestamp;

use super::Fingerprint;
use crate::sqlite::{clock, values};

/// 250 MiB, in pages of 4 KiB.
const FRAMES_MAX: u32 = 64_000;

/// Between a writer and an archiver of its log. The writer says what it has committed, and when; the archiver says how much of
/// that is safe. The writer moves the log into the database file, which lets SQLite begin it anew, only when all of it is
/// safe, or when it has become too long.
#[derive(Debug)]
pub struct Follower {
    /// Frames after which it is too long.
    frames_max: u32,
    state: Mutex<State>,
    /// Something for the archiver.
    told: Condvar,
    /// Something for the writer.
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    commits: Vec<Commit>,
    /// Others have committed since the last commit.
    others: bool,
    /// Frames in the log after the last commit.
    frames: u32,
    committed: u64,
    archived: u64,
    /// Frames of the log that are safe.
    archived_frames: u32,
    checkpointed: Option<Fingerprint>,
    /// Somebody archives, and it works.
    works: bool,
    hurry: bool,
    ending: Ending,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Ending {
    #[default]
    No,
    Asked,
    Told,
    Over,
}

/// A transaction of the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// When it was committed: before anybody was told.
    pub at: Timestamp,
    /// Frames in the log since then.
    pub frames: u32,
    /// Whether others have committed between the one before and this one.
    pub others: bool,
}

/// What the archiver is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// New transactions.
    pub commits: Vec<Commit>,
    /// There is no other transaction of the writer's before this moment.
    pub until: Timestamp,
    /// The whole log was moved into the database file, which is like this since then. Everything was archived before.
    pub checkpointed: Option<Fingerprint>,
    /// The writer commits nothing more, and waits for an answer.
    pub ending: bool,
    /// The writer has ended: nothing more comes.
    pub over: bool,
    /// What [`Follower::archived`] is told when all of this is safe.
    pub answers: u64,
}

/// A log of 250 MiB is too long.
impl Default for Follower {
    fn default() -> Self {
        Self::bounded(FRAMES_MAX)
    }
}

impl Follower {
    /// Of a log that is moved into the database file when it has this many frames, of a page each, although they are not all
    /// archived: tasks go on, and the archive has a gap.
    pub fn bounded(frames_max: u32) -> Self {
        let (state, told, answered) = Default::default();
        Self { frames_max, state, told, answered }
    }

    /// Waits until there is something to archive and `pace` has passed, or `most` has, or somebody cannot wait.
    pub fn take(&self, pace: Duration, most: Duration) -> Taken {
        let begun = Instant::now();
        let mut state = self.state();
        loop {
            let passed = begun.elapsed();
            let ending = matches!(state.ending, Ending::Asked | Ending::Over);
            let now = state.hurry || ending || state.checkpointed.is_some();
            if now || passed >= most || (passed >= pace && !state.commits.is_empty()) {
                break;
            }
            let left = if state.commits.is_empty() { most } else { pace }.saturating_sub(passed);
            state = self.told.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.hurry = false;
        let (commits, checkpointed) = (std::mem::take(&mut state.commits), state.checkpointed.take());
        let (ending, over) = (state.ending == Ending::Asked, state.ending == Ending::Over);
        if ending {
            state.ending = Ending::Told;
        }
        let answers = commits.len() as u64 + u64::from(checkpointed.is_some()) + u64::from(ending);
        // Read under the lock, as commits are: none that comes later is earlier.
        Taken { commits, until: now(), checkpointed, ending, over, answers }
    }

    /// So much more of what was taken is safe, and all of the log up to this frame.
    pub fn archived(&self, answers: u64, frames: u32) {
        let mut state = self.state();
        state.archived += answers;
        state.archived_frames = frames;
        state.works = true;
        self.answered.notify_all();
    }

    /// Nothing can be archived now: the writer does not wait for it.
    pub fn failed(&self) {
        self.state().works = false;
        self.answered.notify_all();
    }

    /// A transaction was committed; the log has so many frames now.
    pub(super) fn committed(&self, frames: u32) {
        let mut state = self.state();
        let others = std::mem::take(&mut state.others);
        state.commits.push(Commit { at: now(), frames, others });
        state.committed += 1;
        state.frames = frames;
        if state.commits.len() == 1 {
            self.told.notify_all();
        }
    }

    /// Others have committed before what the writer commits next.
    pub(super) fn others_committed(&self) {
        self.state().others = true;
    }

    pub(super) fn frames_max(&self) -> u32 {
        self.frames_max
    }

    pub(super) fn frames(&self) -> u32 {
        self.state().frames
    }

    pub(super) fn archived_frames(&self) -> u32 {
        self.state().archived_frames
    }

    /// Waits until all is safe; says whether it is. Does not wait for what does not work.
    pub(super) fn all_archived(&self, most: Duration) -> bool {
        let mut state = self.state();
        state.hurry = true;
        self.told.notify_all();
        self.wait(state, most, |state| state.archived == state.committed)
    }

    /// The whole log, all of it archived, was moved into the database file: waits until that is written down.
    pub(super) fn checkpointed(&self, fingerprint: Fingerprint, most: Duration) {
        let mut state = self.state();
        // It is answered like a transaction.
        state.committed += 1;
        state.checkpointed = Some(fingerprint);
        self.told.notify_all();
        self.wait(state, most, |state| state.archived == state.committed);
    }

    /// The writer commits nothing more: waits until all that anybody has committed is safe.
    pub(super) fn end(&self, most: Duration) -> bool {
        let mut state = self.state();
        state.committed += 1;
        state.ending = Ending::Asked;
        self.told.notify_all();
        self.wait(state, most, |state| state.archived == state.committed)
    }

    /// The writer has ended, and with it whoever follows.
    pub(super) fn over(&self) {
        self.state().ending = Ending::Over;
        self.told.notify_all();
    }

    fn wait(&self, state: MutexGuard<'_, State>, most: Duration, done: impl Fn(&State) -> bool) -> bool {
        let waits = |state: &mut State| state.works && !done(state);
        let waited = self.answered.wait_timeout_while(state, most, waits);
        done(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// No call leaves it half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> Timestamp {
    values::moment(clock::now()).unwrap_or(Timestamp::MAX)
}
