//! Entries, one after the other.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};

use jiff::Timestamp;

use super::files::{LogFile, LogFiles};
use super::lines::{LINE_BYTES_MAX, next_line};
use super::{Damage, Entry, Filter, LogError};

/// Puts lines together to entries.
#[derive(Default)]
pub(super) struct Joining(Option<String>);

impl Joining {
    /// Takes a line; returns the entry before it, if the line begins another one.
    pub(super) fn push(&mut self, line: &[u8]) -> Option<Entry> {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches('\r');
        match &mut self.0 {
            Some(entry) if !Entry::begins(line) => {
                // What goes on too long is cut.
                if entry.len() + text.len() < LINE_BYTES_MAX {
                    entry.push('\n');
                    entry.push_str(text);
                }
                None
            }
            pending => pending.replace(text.to_owned()).map(Entry::parse),
        }
    }

    /// The last entry.
    pub(super) fn finish(&mut self) -> Option<Entry> {
        self.0.take().map(Entry::parse)
    }
}

/// All entries of a log within a range, the oldest first.
pub(super) struct Entries {
    files: VecDeque<Source>,
    open: Option<(LogFile, Box<dyn BufRead>)>,
    joining: Joining,
    line: Vec<u8>,
    /// The time of the latest entry that had one: entries without stand between those with.
    time: Option<Timestamp>,
    filter: Filter,
    pub(super) damages: Vec<Damage>,
}

enum Source {
    Rotated(LogFile),
    Current(LogFile, Box<dyn BufRead>),
}

impl Entries {
    /// Those within the filter's range; what else the filter says is not looked at.
    pub(super) fn of(files: LogFiles, filter: &Filter) -> Self {
        let mut sources = VecDeque::new();
        let mut before: Option<LogFile> = None;
        for file in files.rotated {
            let too_old = filter.since.is_some_and(|since| file.ends_before(since));
            // A file begins where the one before it ended.
            let too_new = filter
                .until
                .is_some_and(|until| before.as_ref().is_some_and(|before| !before.ends_before(until)));
            if !too_old && !too_new {
                sources.push_back(Source::Rotated(file.clone()));
            }
            before = Some(file);
        }
        if let Some((file, opened)) = files.current {
            sources.push_back(Source::Current(file, Box::new(BufReader::new(opened))));
        }
        Self {
            files: sources,
            open: None,
            joining: Joining::default(),
            line: Vec::new(),
            time: None,
            filter: filter.clone(),
            damages: Vec::new(),
        }
    }

    fn damaged(&mut self, file: LogFile, why: String) {
        self.damages.push(Damage { file: file.path, why });
    }

    /// The next file that can be opened.
    fn open_next(&mut self) -> Option<()> {
        loop {
            let (file, opened) = match self.files.pop_front()? {
                Source::Current(file, input) => (file, Ok(input)),
                Source::Rotated(file) => {
                    let opened = file.open();
                    (file, opened)
                }
            };
            match opened {
                Ok(input) => {
                    self.open = Some((file, input));
                    return Some(());
                }
                // It was deleted, being old.
                Err(LogError::Missing(_)) => {}
                Err(error) => {
                    let why = std::error::Error::source(&error).map(ToString::to_string);
                    self.damaged(file, why.unwrap_or_else(|| error.to_string()));
                }
            }
        }
    }

    /// The next entry, whenever it was written.
    fn next_entry(&mut self) -> Option<Entry> {
        loop {
            let Some((_, input)) = &mut self.open else {
                if self.open_next().is_none() {
                    return self.joining.finish();
                }
                continue;
            };
            match next_line(input, &mut self.line) {
                Ok((0, _)) => self.open = None,
                Ok(_) if self.line.is_empty() => {}
                Ok(_) => {
                    if let Some(entry) = self.joining.push(&self.line) {
                        return Some(entry);
                    }
                }
                Err(error) => {
                    if let Some((file, _)) = self.open.take() {
                        self.damaged(file, error.to_string());
                    }
                }
            }
        }
    }
}

impl Iterator for Entries {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let entry = self.next_entry()?;
            self.time = entry.time.or(self.time);
            if self.filter.is_in_range(self.time) {
                return Some(entry);
            }
        }
    }
}
