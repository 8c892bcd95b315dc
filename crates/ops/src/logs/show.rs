//! `taskward log show`: the entries of a range.

use std::path::Path;

use super::files::LogFiles;
use super::read::Entries;
use super::{Damage, Entry, Filter, LogError};

/// The wanted entries of a range, the oldest first, read as they are taken.
pub struct Shown {
    entries: Entries,
    filter: Filter,
    in_range: u64,
}

/// Finds the log and what of it is wanted.
///
/// # Errors
/// When there is no log, or it cannot be opened.
pub fn show(path: &Path, filter: &Filter) -> Result<Shown, LogError> {
    let entries = Entries::of(LogFiles::find(path)?, filter);
    Ok(Shown { entries, filter: filter.clone(), in_range: 0 })
}

impl Shown {
    /// How many entries of the range were read so far, wanted or not.
    #[must_use]
    pub fn in_range(&self) -> u64 {
        self.in_range
    }

    /// Files that could only be read in part, so far.
    #[must_use]
    pub fn damages(&self) -> &[Damage] {
        &self.entries.damages
    }
}

impl Iterator for Shown {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let entry = self.entries.next()?;
            self.in_range += 1;
            if self.filter.wants(&entry) {
                return Some(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write;
    use std::time::{Duration, SystemTime};

    use jiff::Timestamp;

    use super::*;

    const ID: &str = "0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).expect("a time")
    }

    fn line(second: i64, level: &str, message: &str) -> String {
        let time = at(second);
        format!(
            "{{\"@timestamp\":\"{time}\",\"log.level\":\"{level}\",\"message\":\"{message}\",\"taskward.task.id\":\"{ID}\"}}\n"
        )
    }

    fn aged(file: &File, second: i64) {
        let seconds = u64::try_from(at(second).as_second()).expect("after 1970");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).expect("set");
    }

    /// A log of three files: compressed, rotated by a logrotate, and current; two lines in each.
    fn log() -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        let name = |suffix: &str| directory.path().join(format!("a.log{suffix}"));
        let packed = File::create(name(".2023-11-14T221325Z.gz")).expect("created");
        let mut packer = flate2::write::GzEncoder::new(&packed, flate2::Compression::fast());
        packer
            .write_all(format!("{}{}", line(0, "INFO", "zero"), line(5, "WARN", "five")).as_bytes())
            .expect("written");
        packer.finish().expect("packed");
        aged(&packed, 5);
        let mut rotated = File::create(name(".1")).expect("created");
        rotated
            .write_all(format!("{}{}", line(10, "ERROR", "ten"), line(15, "INFO", "fifteen")).as_bytes())
            .expect("written");
        aged(&rotated, 15);
        let human = format!("{}  INFO said\n  and more\n", at(25));
        fs::write(name(""), format!("{}{human}", line(20, "INFO", "twenty"))).expect("written");
        directory
    }

    fn messages(directory: &tempfile::TempDir, filter: &Filter) -> (Vec<String>, u64) {
        let mut shown = show(&directory.path().join("a.log"), filter).expect("there");
        let messages = shown.by_ref().map(|entry| entry.message().into_owned()).collect();
        assert_eq!(shown.damages(), []);
        (messages, shown.in_range())
    }

    #[test]
    fn all_files_are_one_log() {
        let directory = log();
        let (messages, _) = messages(&directory, &Filter::default());
        assert_eq!(messages, ["zero", "five", "ten", "fifteen", "twenty", "said"]);
        let all: Vec<_> = show(&directory.path().join("a.log"), &Filter::default()).expect("there").collect();
        assert!(all[5].text.ends_with("said\n  and more"), "{:?}", all[5]);
    }

    #[test]
    fn ranges_levels_tasks_and_patterns() {
        let directory = log();
        let range =
            |since, until| Filter { since: Some(at(since)), until: Some(at(until)), ..Filter::default() };
        assert_eq!(messages(&directory, &range(5, 20)).0, ["five", "ten", "fifteen"]);
        assert_eq!(messages(&directory, &range(100, 200)), (vec![], 0));
        let level = Some(taskward_core::LogLevel::Warning);
        assert_eq!(
            messages(&directory, &Filter { level, ..range(0, 100) }),
            (vec!["five".into(), "ten".into()], 6)
        );
        let task = ID.parse().ok();
        assert_eq!(messages(&directory, &Filter { task, ..range(12, 100) }).0, ["fifteen", "twenty"]);
        let grep = regex::Regex::new("and (more|less)").ok();
        assert_eq!(messages(&directory, &Filter { grep, ..Filter::default() }).0, ["said"]);
    }

    #[test]
    fn a_damaged_file_gives_what_it_has_and_is_named() {
        let directory = log();
        let packed = directory.path().join("a.log.2023-11-14T221325Z.gz");
        let bytes = fs::read(&packed).expect("read");
        fs::write(&packed, &bytes[..bytes.len() - 8]).expect("written");
        let mut shown = show(&directory.path().join("a.log"), &Filter::default()).expect("there");
        assert_eq!(shown.by_ref().count(), 6);
        assert_eq!(shown.damages().len(), 1);
        assert_eq!(shown.damages()[0].file.file_name(), packed.file_name());
    }

    #[test]
    fn no_log_is_not_an_empty_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.log");
        assert!(matches!(show(&path, &Filter::default()), Err(LogError::Missing(_))));
        assert!(matches!(show(directory.path(), &Filter::default()), Err(LogError::NotAFile(_))));
        fs::write(&path, "").expect("written");
        assert_eq!(show(&path, &Filter::default()).expect("there").count(), 0);
    }
}
