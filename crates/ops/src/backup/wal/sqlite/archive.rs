//! Archiving SQLite's log while the service runs: a thread that follows the writer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use taskward_core::Timestamp;
use taskward_store::sqlite::wal::{Commit, Committed, Fingerprint, Follower, Tail, Taken};

use super::archived::Archived;
use super::journal::Journal;

/// How often what was committed is archived, at most: each time costs flushes of the disk.
const PACE: Duration = Duration::from_millis(200);
/// How often it is written down that nothing was committed.
const PACE_IDLE: Duration = Duration::from_secs(1);

/// The service's database was moved, or changed, while nobody archived its log.
const CHANGED: &str = "the database was changed or replaced while its log was not archived";
/// More was written than the writer may wait for the archive with; or another program moved the log.
const LOST: &str = "the log was begun anew before it was archived";
/// The newest file cannot be gone on with.
const DAMAGED: &str = "the newest files of the log were damaged, and cannot be gone on with";

/// Something about the archive that an operator wants to know.
#[derive(Debug)]
pub enum LogEvent<'a> {
    /// All that was committed is archived.
    Archived {
        /// What was added to the archive for it.
        bytes: u64,
    },
    /// Something is not archived that was committed so long ago.
    Behind(Duration),
    /// Nothing can be archived now. It is tried again; this is said once.
    Failing {
        /// Where to.
        dir: &'a Path,
        /// Why.
        error: &'a io::Error,
    },
    /// It works again.
    Works,
    /// Something is missing from it: a restore can go beyond that from the next backup on.
    Gap(
        /// Why.
        &'a str,
    ),
}

/// Is told of events, from the thread that archives.
pub type LogListener = Box<dyn Fn(LogEvent<'_>) + Send>;

/// Archives what `follower` is told in the directory of backups, in a thread that ends when the writer does. What was committed
/// before is archived, if that can be done, when this returns. What cannot be archived is tried again.
///
/// # Errors
/// When there can be no thread.
pub fn archive_log(
    database: &Path,
    backups: &Path,
    follower: &Arc<Follower>,
    listener: LogListener,
) -> io::Result<JoinHandle<()>> {
    let mut archiver = Archiver {
        dir: super::directory_in(backups),
        database: database.to_owned(),
        tail: Tail::new(database, None),
        follower: Arc::clone(follower),
        added: 0,
        listener,
        at_work: None,
        waiting: Waiting::default(),
        failing: false,
        begun: false,
    };
    archiver.turn(follower.take(Duration::ZERO, Duration::ZERO));
    thread::Builder::new().name("sqlite-log".to_owned()).spawn(move || archiver.run())
}

struct Archiver {
    dir: PathBuf,
    database: PathBuf,
    tail: Tail,
    follower: Arc<Follower>,
    /// Bytes that were added to the archive in this turn.
    added: u64,
    listener: LogListener,
    /// `None` until the directory can be used.
    at_work: Option<(Journal, Archived)>,
    waiting: Waiting,
    failing: bool,
    /// What was committed before the service ran is archived.
    begun: bool,
}

/// What was taken, and is not archived yet.
#[derive(Default)]
struct Waiting {
    commits: Vec<Commit>,
    answers: u64,
    checkpointed: Option<Fingerprint>,
}

/// Why what was committed cannot be added to the chain.
enum Trouble {
    /// It may be possible later.
    Io(io::Error),
    /// It never will be.
    Gap(&'static str),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Archiver {
    fn run(mut self) {
        loop {
            // What has failed is not tried more often than when nothing happens.
            let pace = if self.failing { PACE_IDLE } else { PACE };
            let taken = self.follower.take(pace, PACE_IDLE);
            let over = taken.over;
            // The process ends with the writer: nothing may be half written then.
            if !over || taken.answers > 0 {
                self.turn(taken);
            }
            if over {
                return;
            }
        }
    }

    /// Archives what was taken, or keeps it for the next turn.
    fn turn(&mut self, taken: Taken) {
        let Taken { commits, until, checkpointed, ending, answers, over: _ } = taken;
        self.waiting.commits.extend(commits);
        self.waiting.answers += answers;
        self.waiting.checkpointed = checkpointed.or(self.waiting.checkpointed.take());
        self.added = 0;
        match self.archive(until, ending) {
            Ok(frames) => {
                (self.listener)(LogEvent::Archived { bytes: self.added });
                if std::mem::take(&mut self.failing) {
                    (self.listener)(LogEvent::Works);
                }
                let Waiting { answers, .. } = std::mem::take(&mut self.waiting);
                self.follower.archived(answers, frames);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    (self.listener)(LogEvent::Failing { dir: &self.dir, error: &error });
                }
                let oldest = self.waiting.commits.first().map_or(until, |commit| commit.at);
                // A clock that was set back makes it no time at all.
                let lag = Duration::try_from(until.duration_since(oldest)).unwrap_or_default();
                (self.listener)(LogEvent::Behind(lag));
                self.follower.failed();
            }
        }
    }

    /// Archives all that waits; answers how many frames of SQLite's log are archived.
    fn archive(&mut self, until: Timestamp, ending: bool) -> io::Result<u32> {
        let (journal, archived) = match self.at_work.take() {
            Some(at_work) => at_work,
            None => self.begin(until)?,
        };
        let mut next = archived.clone();
        let done = self.add(&journal, &mut next, until, ending);
        let done = match done {
            Ok(()) => Ok(next),
            Err(Trouble::Gap(why)) => self.new_chain(&journal, Some((&archived, why)), until),
            Err(Trouble::Io(error)) => Err(error),
        };
        match done {
            Ok(next) => {
                let frames = next.mark.map_or(0, |mark| mark.frame);
                self.at_work = Some((journal, next));
                Ok(frames)
            }
            Err(error) => {
                self.tail.go_to(archived.mark);
                self.at_work = Some((journal, archived));
                Err(error)
            }
        }
    }

    /// Finds out whether the chain that is there can be gone on with; begins another one if not.
    fn begin(&mut self, now: Timestamp) -> io::Result<(Journal, Archived)> {
        let journal = Journal::lock(&self.dir)?;
        let why = match Archived::read(journal.dir()) {
            Ok(Some(archived)) if !journal.has(&archived)? => (Some(archived), DAMAGED),
            Ok(Some(archived)) => {
                self.tail.go_to(archived.mark);
                if self.tail.holds()? {
                    return Ok((journal, archived));
                }
                if archived.fingerprint.as_ref() == Some(&Fingerprint::of(&self.database)?) {
                    // Nothing was moved into the database since: all of the log is new.
                    self.tail.go_to(None);
                    let mut archived = archived;
                    archived.mark = None;
                    return Ok((journal, archived));
                }
                (Some(archived), CHANGED)
            }
            Ok(None) => (None, CHANGED),
            Err(_) => {
                self.gap(DAMAGED);
                (None, DAMAGED)
            }
        };
        let before = why.0.as_ref().map(|archived| (archived, why.1));
        let begun = self.new_chain(&journal, before, now)?;
        Ok((journal, begun))
    }

    /// Begins a chain with what is committed from now on.
    fn new_chain(
        &mut self,
        journal: &Journal,
        before: Option<(&Archived, &str)>,
        now: Timestamp,
    ) -> io::Result<Archived> {
        self.tail.go_to(None);
        let last = self.waiting.commits.last().map(|commit| commit.frames);
        while !self.tail.read(last)?.is_empty() {}
        let before = before.map(|(archived, why)| (archived, why.to_owned()));
        let gap = before.as_ref().map(|(_, why)| why.clone());
        let mut begun = journal.begin(before, now, self.tail.mark())?;
        if let Some(why) = gap {
            self.gap(&why);
        }
        if self.tail.mark().is_none() {
            begun.fingerprint = Fingerprint::of(&self.database).ok();
        }
        Ok(begun)
    }

    fn gap(&self, why: &str) {
        (self.listener)(LogEvent::Gap(why));
    }

    /// Adds all that waits to the chain.
    fn add(
        &mut self,
        journal: &Journal,
        next: &mut Archived,
        until: Timestamp,
        ending: bool,
    ) -> Result<(), Trouble> {
        let before = next.bytes;
        let mut added = 0;
        if let Some(last) = self.waiting.commits.last().copied() {
            added += self.add_commits(journal, next, last.frames)?;
        }
        // Nobody has told of these: they were committed before the service ran, or by others at its end.
        if !std::mem::replace(&mut self.begun, true) || ending {
            added += self.add_untold(journal, next, until)?;
        }
        next.complete_until = until.max(next.last_at);
        let checkpointed = self.waiting.checkpointed.clone();
        let durably = added > 0 || checkpointed.is_some() || ending;
        // It tells that nothing is missing only as long as nothing was added to the log.
        next.fingerprint = checkpointed.or(next.fingerprint.take()).filter(|_| added == 0);
        next.write(journal.dir(), durably)?;
        self.added += next.bytes.saturating_sub(before);
        Ok(())
    }

    /// Adds what the writer has committed up to a frame.
    fn add_commits(&mut self, journal: &Journal, next: &mut Archived, last: u32) -> Result<usize, Trouble> {
        let anew = !self.tail.holds()?;
        if anew {
            // SQLite began its log anew, which it does when all of it was moved into the database. All that the writer had
            // committed is archived. What somebody else had may be not.
            if self.waiting.commits.iter().any(|commit| commit.others) {
                return Err(Trouble::Gap(LOST));
            }
            self.tail.go_to(None);
        }
        // At the beginning some may have been found already.
        let found = self.tail.mark().filter(|_| !anew).map_or(0, |mark| mark.frame);
        let mut expected = self.waiting.commits.iter().filter(|commit| commit.frames > found).peekable();
        let mut added = 0;
        loop {
            let read = self.tail.read(Some(last))?;
            if read.is_empty() {
                break;
            }
            let mut commits = Vec::with_capacity(read.len());
            for committed in read {
                let frame = committed.mark.frame;
                let Some(commit) = expected.peek().filter(|commit| frame <= commit.frames) else {
                    return Err(Trouble::Gap(LOST));
                };
                // Somebody else's counts as committed when the writer's next one was.
                commits.push((commit.at.max(next.last_at), committed));
                if frame == commit.frames {
                    expected.next();
                } else if anew {
                    return Err(Trouble::Gap(LOST));
                }
            }
            added += commits.len();
            journal.append(next, &commits)?;
        }
        if expected.next().is_some() { Err(Trouble::Gap(LOST)) } else { Ok(added) }
    }

    /// Adds whatever else is in the log.
    fn add_untold(
        &mut self,
        journal: &Journal,
        next: &mut Archived,
        until: Timestamp,
    ) -> Result<usize, Trouble> {
        let mut added = 0;
        loop {
            let at = self.tail.modified().unwrap_or(until).min(until).max(next.last_at);
            let commits: Vec<(Timestamp, Committed)> =
                self.tail.read(None)?.into_iter().map(|committed| (at, committed)).collect();
            if commits.is_empty() {
                return Ok(added);
            }
            added += commits.len();
            journal.append(next, &commits)?;
        }
    }
}
