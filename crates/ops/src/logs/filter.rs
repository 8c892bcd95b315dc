//! Which entries are wanted.

use jiff::Timestamp;
use regex::Regex;
use taskward_core::LogLevel;
use uuid::Uuid;

use super::Entry;

/// Which entries are wanted; everything that is not set is wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// This severe, or more.
    pub level: Option<LogLevel>,
    /// About this task.
    pub task: Option<Uuid>,
    /// With a match somewhere in their text.
    pub grep: Option<Regex>,
}

impl Filter {
    /// Whether an entry that was written at a time is within the range.
    pub(super) fn is_in_range(&self, time: Option<Timestamp>) -> bool {
        match time {
            Some(time) => {
                self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
            }
            None => self.since.is_none() && self.until.is_none(),
        }
    }

    /// Whether an entry is wanted for what it says.
    pub(super) fn wants(&self, entry: &Entry) -> bool {
        let severe = |least| entry.level.is_some_and(|level| level <= least);
        self.level.is_none_or(severe)
            && self.task.is_none_or(|task| is_about(entry, task))
            && self.grep.as_ref().is_none_or(|grep| grep.is_match(&entry.text))
    }
}

fn is_about(entry: &Entry, task: Uuid) -> bool {
    entry.get("taskward.task.id").and_then(|id| id.parse().ok()) == Some(task)
}
