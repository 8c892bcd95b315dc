//! `taskward log tail`: the latest entries, and those that come.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::files::{self, LogFiles};
use super::lines::next_line;
use super::read::Joining;
use super::{Damage, Entry, Filter, LogError};

/// How much of a file's end is read first; more of it, and other files, when that is not enough.
const WINDOW_FIRST: u64 = 256 * 1024;
/// What the window grows by.
const WINDOW_FACTOR: u64 = 16;
/// How long a file that was moved away is still read: its writer may notice a second later.
const LEAVE_AFTER: Duration = Duration::from_millis(1_500);
/// Entries of one look at what came.
const NEWS_MAX: usize = 1_000;

/// The latest entries.
pub struct Tail {
    /// The oldest first.
    pub entries: Vec<Entry>,
    /// Whether the log has any entry at all.
    pub is_empty: bool,
    /// Files that could only be read in part.
    pub damages: Vec<Damage>,
    /// Goes on where the entries end.
    pub follower: Follower,
}

/// The latest `count` entries that are wanted; with `follow`, a line that is not ended yet is left to the follower.
///
/// # Errors
/// When there is no log, or it cannot be opened.
pub fn tail(path: &Path, count: usize, filter: &Filter, follow: bool) -> Result<Tail, LogError> {
    let LogFiles { mut rotated, current } = LogFiles::find(path)?;
    let failed = |error| LogError::of(path, error);
    let (mut newest, mut seen, mut damages) = (VecDeque::new(), false, Vec::new());
    let mut follower = Follower::new(path.to_owned(), filter.clone());
    if let Some((_, mut file)) = current {
        let end = if follow { last_line_end(&mut file) } else { file.metadata().map(|found| found.len()) };
        let end = end.map_err(failed)?;
        seen |= end > 0;
        newest = last_of(&mut file, end, count, filter).map_err(failed)?;
        follower.start(file, end).map_err(failed)?;
    }
    while newest.len() < count
        && let Some(file) = rotated.pop()
    {
        let mut ring = Ring::new(count - newest.len());
        let read = file.open().map_err(|error| error.to_string()).and_then(|mut input| {
            seen |= !input.fill_buf().map_err(|error| error.to_string())?.is_empty();
            ring.fill(&mut input, filter).map_err(|error| error.to_string())
        });
        if let Err(why) = read {
            damages.push(Damage { file: file.path, why });
        }
        ring.0.into_iter().rev().for_each(|entry| newest.push_front(entry));
    }
    Ok(Tail { entries: newest.into(), is_empty: !seen, damages, follower })
}

/// The latest entries of a file that ends at `end`.
fn last_of(file: &mut File, end: u64, count: usize, filter: &Filter) -> io::Result<VecDeque<Entry>> {
    let mut window = WINDOW_FIRST;
    loop {
        let start = end.saturating_sub(window);
        file.seek(SeekFrom::Start(start))?;
        let mut input = BufReader::new(file.by_ref().take(end - start));
        let mut ring = Ring::new(count);
        if start > 0 {
            // Most probably in the middle of a line.
            next_line(&mut input, &mut Vec::new())?;
        }
        ring.fill(&mut input, filter)?;
        if ring.0.len() >= count || start == 0 {
            return Ok(ring.0);
        }
        window = window.saturating_mul(WINDOW_FACTOR);
    }
}

/// Where the last whole line of a file ends.
fn last_line_end(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(WINDOW_FIRST);
    file.seek(SeekFrom::Start(start))?;
    let mut end = Vec::new();
    file.by_ref().take(length - start).read_to_end(&mut end)?;
    Ok(end.iter().rposition(|byte| *byte == b'\n').map_or(start, |at| start + at as u64 + 1))
}

/// The latest of many entries.
struct Ring(VecDeque<Entry>, usize);

impl Ring {
    fn new(size: usize) -> Self {
        Self(VecDeque::new(), size)
    }

    fn fill(&mut self, input: &mut impl BufRead, filter: &Filter) -> io::Result<()> {
        let (mut joining, mut line) = (Joining::default(), Vec::new());
        loop {
            let ended = match next_line(input, &mut line) {
                Ok((taken, _)) => taken == 0,
                Err(error) => {
                    joining.finish().into_iter().for_each(|entry| self.push(entry, filter));
                    return Err(error);
                }
            };
            if ended {
                joining.finish().into_iter().for_each(|entry| self.push(entry, filter));
                return Ok(());
            }
            if !line.is_empty()
                && let Some(entry) = joining.push(&line)
            {
                self.push(entry, filter);
            }
        }
    }

    fn push(&mut self, entry: Entry, filter: &Filter) {
        if self.1 == 0 || !filter.wants(&entry) {
            return;
        }
        if self.0.len() == self.1 {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }
}

/// Reads what is written to a log, over rotations.
pub struct Follower {
    path: PathBuf,
    filter: Filter,
    open: Option<Following>,
}

/// The file that is followed.
struct Following {
    input: BufReader<File>,
    identity: (u64, u64),
    /// Up to where it was read.
    position: u64,
    /// The beginning of a line that is not ended yet.
    part: Vec<u8>,
    /// When it was noticed that the file is no longer the one of its name.
    moved: Option<Instant>,
}

impl Follower {
    fn new(path: PathBuf, filter: Filter) -> Self {
        Self { path, filter, open: None }
    }

    fn start(&mut self, mut file: File, position: u64) -> io::Result<()> {
        file.seek(SeekFrom::Start(position))?;
        let identity = files::identity(&file.metadata()?);
        let input = BufReader::new(file);
        self.open = Some(Following { input, identity, position, part: Vec::new(), moved: None });
        Ok(())
    }

    /// What came since the last time: call again at once when it is much, later when it is nothing.
    ///
    /// # Errors
    /// When the file can no longer be read. One that is not there for a moment is waited for.
    pub fn news(&mut self) -> Result<Vec<Entry>, LogError> {
        let (mut joining, mut found) = (Joining::default(), Vec::new());
        while found.len() < NEWS_MAX && self.take_line(&mut joining, &mut found)? {}
        found.extend(joining.finish());
        found.retain(|entry| self.filter.wants(entry));
        Ok(found)
    }

    /// Takes one line. False when there is none for now.
    fn take_line(&mut self, joining: &mut Joining, found: &mut Vec<Entry>) -> Result<bool, LogError> {
        let failed = |error| LogError::of(&self.path, error);
        let Some(following) = &mut self.open else { return self.open_again() };
        let mut line = Vec::new();
        let (taken, whole) = next_line(&mut following.input, &mut line).map_err(failed)?;
        following.position += taken;
        following.part.append(&mut line);
        if whole {
            let line = std::mem::take(&mut following.part);
            if !line.is_empty() {
                found.extend(joining.push(&line));
            }
            return Ok(true);
        }
        if taken > 0 {
            return Ok(true);
        }
        self.is_elsewhere()
    }

    /// At the end of the file: whether there is another one to read, or the same from its beginning.
    fn is_elsewhere(&mut self) -> Result<bool, LogError> {
        let Some(following) = &mut self.open else { return Ok(false) };
        match fs::metadata(&self.path) {
            Ok(found) if files::identity(&found) == following.identity => {
                following.moved = None;
                if found.len() >= following.position {
                    return Ok(false);
                }
                // It was emptied under its writer.
                following.position = 0;
                following.part.clear();
                following.input.seek(SeekFrom::Start(0)).map_err(|error| LogError::of(&self.path, error))?;
                Ok(true)
            }
            _ => {
                let moved = following.moved.get_or_insert_with(Instant::now);
                if moved.elapsed() < LEAVE_AFTER {
                    return Ok(false);
                }
                self.open_again()
            }
        }
    }

    /// Opens the file of the name. One that is not there yet will come.
    fn open_again(&mut self) -> Result<bool, LogError> {
        match files::open_current(&self.path) {
            Ok((_, file)) => {
                self.start(file, 0).map(|()| true).map_err(|error| LogError::of(&self.path, error))
            }
            Err(LogError::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    struct Log(tempfile::TempDir);

    impl Log {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a directory"))
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("a.log")
        }

        fn write(&self, text: &str) {
            let mut file = File::options().create(true).append(true).open(self.path()).expect("opened");
            file.write_all(text.as_bytes()).expect("written");
        }

        fn rotate(&self, number: u32) {
            fs::rename(self.path(), self.0.path().join(format!("a.log.{number}"))).expect("moved");
        }
    }

    fn lines(numbers: std::ops::Range<u32>) -> String {
        numbers.map(|n| format!("{{\"message\":\"{n}\"}}\n")).collect()
    }

    fn messages(entries: &[Entry]) -> Vec<String> {
        entries.iter().map(|entry| entry.message().into_owned()).collect()
    }

    #[test]
    fn the_latest_come_from_as_many_files_as_are_needed() {
        let log = Log::new();
        for number in 1..4 {
            log.write(&lines(number * 10..number * 10 + 3));
            if number < 3 {
                log.rotate(number);
            }
        }
        let found = tail(&log.path(), 5, &Filter::default(), false).expect("there");
        assert_eq!(messages(&found.entries), ["21", "22", "30", "31", "32"]);
        let found = tail(&log.path(), 2, &Filter::default(), false).expect("there");
        assert_eq!(messages(&found.entries), ["31", "32"]);
        assert!(!found.is_empty);
        let found = tail(&log.path(), 100, &Filter::default(), false).expect("there");
        assert_eq!(found.entries.len(), 9);
    }

    #[test]
    fn a_large_file_is_read_from_its_end() {
        let log = Log::new();
        log.write(&lines(0..100_000));
        let grep = regex::Regex::new("\"7\"").ok();
        let found = tail(&log.path(), 3, &Filter::default(), false).expect("there");
        assert_eq!(messages(&found.entries), ["99997", "99998", "99999"]);
        let found = tail(&log.path(), 3, &Filter { grep, ..Filter::default() }, false).expect("there");
        assert_eq!(messages(&found.entries), ["7"], "far from the end");
    }

    #[test]
    fn following_goes_on_over_rotations_and_half_lines() {
        let log = Log::new();
        log.write(&lines(0..3));
        log.write("{\"message\":");
        let mut found = tail(&log.path(), 1, &Filter::default(), true).expect("there");
        assert_eq!(messages(&found.entries), ["2"]);
        let follower = &mut found.follower;
        assert_eq!(follower.news().expect("read"), []);
        log.write("\"half\"}\n");
        assert_eq!(messages(&follower.news().expect("read")), ["half"]);

        log.rotate(1);
        log.write(&lines(10..12));
        let mut moved = File::options().append(true).open(log.0.path().join("a.log.1")).expect("there");
        moved.write_all(lines(5..6).as_bytes()).expect("written late");
        let mut seen = Vec::new();
        let began = Instant::now();
        while seen.len() < 3 && began.elapsed() < Duration::from_secs(20) {
            seen.extend(messages(&follower.news().expect("read")));
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(seen, ["5", "10", "11"]);

        fs::write(log.path(), "").expect("emptied");
        assert_eq!(follower.news().expect("read"), []);
        log.write(&lines(20..21));
        assert_eq!(messages(&follower.news().expect("read")), ["20"]);
    }

    #[test]
    fn an_empty_log_is_empty() {
        let log = Log::new();
        log.write("");
        let found = tail(&log.path(), 5, &Filter::default(), false).expect("there");
        assert!(found.is_empty && found.entries.is_empty());
        assert!(matches!(
            tail(&log.0.path().join("b"), 5, &Filter::default(), false),
            Err(LogError::Missing(_))
        ));
    }
}
