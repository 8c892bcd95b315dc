//! `taskward log errors`: which errors, how many of each.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use taskward_core::LogLevel;

use super::files::LogFiles;
use super::read::Entries;
use super::{Damage, Entry, Filter, LogError};

/// Groups that are told apart; further ones are counted together.
const GROUPS_MAX: usize = 1_000;
/// Characters of a group's name.
const KEY_CHARS_MAX: usize = 200;
/// The group of all that has no group of its own.
const OTHERS: &str = "(others)";
/// The group of entries that do not have what is grouped by.
const NONE: &str = "(none)";

/// What errors are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum GroupBy {
    /// The class of the error.
    #[serde(rename = "error.type")]
    ErrorType,
    /// The task's kind.
    #[serde(rename = "kind")]
    Kind,
    /// The task's queue.
    #[serde(rename = "queue")]
    Queue,
    /// The message.
    #[serde(rename = "message")]
    Message,
}

/// Errors that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorGroup {
    /// What they have in common.
    pub key: String,
    /// How many they are.
    pub count: u64,
    /// When the first was written.
    pub first: Option<Timestamp>,
    /// When the last was written.
    pub last: Option<Timestamp>,
    /// The message of the last.
    pub message: String,
    /// The task of the last, if it was about one.
    pub task: Option<String>,
    /// The request of the last, if it belonged to one.
    pub request: Option<String>,
}

/// The errors of a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorReport {
    /// The log that was read.
    pub file: PathBuf,
    /// The beginning of the range.
    pub since: Option<Timestamp>,
    /// Its end.
    pub until: Option<Timestamp>,
    /// What the errors are grouped by.
    pub by: GroupBy,
    /// All entries of the range.
    pub entries: u64,
    /// Errors among them.
    pub errors: u64,
    /// The groups, the largest first.
    pub groups: Vec<ErrorGroup>,
    /// Files that could only be read in part.
    pub damages: Vec<Damage>,
}

/// Counts the errors of a range: entries at ERROR, and warnings that carry an error.
///
/// # Errors
/// When there is no log, or it cannot be opened.
pub fn errors(path: &Path, filter: &Filter, by: GroupBy) -> Result<ErrorReport, LogError> {
    let mut entries = Entries::of(LogFiles::find(path)?, filter);
    let mut groups = Groups { by, found: HashMap::new() };
    let (mut read, mut errors) = (0, 0);
    for entry in entries.by_ref() {
        read += 1;
        if is_error(&entry) && filter.wants(&entry) {
            errors += 1;
            groups.add(&entry);
        }
    }
    let (since, until, file) = (filter.since, filter.until, path.to_owned());
    Ok(ErrorReport {
        file,
        since,
        until,
        by,
        entries: read,
        errors,
        groups: groups.sorted(),
        damages: entries.damages,
    })
}

fn is_error(entry: &Entry) -> bool {
    match entry.level {
        Some(LogLevel::Error) => true,
        Some(LogLevel::Warning) => {
            ["error.type", "error.message", "error"].iter().any(|name| entry.get(name).is_some())
        }
        _ => false,
    }
}

struct Groups {
    by: GroupBy,
    found: HashMap<String, ErrorGroup>,
}

impl Groups {
    fn add(&mut self, entry: &Entry) {
        let name = match self.by {
            GroupBy::ErrorType => entry.get("error.type"),
            GroupBy::Kind => entry.get("taskward.kind"),
            GroupBy::Queue => entry.get("taskward.queue"),
            GroupBy::Message => Some(entry.message()),
        };
        let name = name.filter(|name| !name.is_empty());
        let mut key: String = name.as_deref().unwrap_or(NONE).chars().take(KEY_CHARS_MAX).collect();
        if self.found.len() >= GROUPS_MAX && !self.found.contains_key(&key) {
            OTHERS.clone_into(&mut key);
        }
        let group = self.found.entry(key).or_insert_with_key(|key| ErrorGroup {
            key: key.clone(),
            count: 0,
            first: entry.time,
            last: None,
            message: String::new(),
            task: None,
            request: None,
        });
        group.count += 1;
        group.last = entry.time.or(group.last);
        group.message = entry.message().chars().take(KEY_CHARS_MAX).collect();
        group.task = entry.get("taskward.task.id").map(Into::into);
        group.request = entry.get("http.request.id").or_else(|| entry.get("request_id")).map(Into::into);
    }

    fn sorted(self) -> Vec<ErrorGroup> {
        let mut groups: Vec<_> = self.found.into_values().collect();
        groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(lines: &[&str], by: GroupBy) -> ErrorReport {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.log");
        std::fs::write(&path, lines.join("\n")).expect("written");
        errors(&path, &Filter::default(), by).expect("there")
    }

    const LINES: [&str; 5] = [
        r#"{"@timestamp":"2026-11-23T00:00:01Z","log.level":"INFO","message":"fine"}"#,
        r#"{"@timestamp":"2026-11-23T00:00:02Z","log.level":"WARN","message":"a task is dead","error.type":"exit_1","taskward.kind":"k","taskward.task.id":"t1"}"#,
        r#"{"@timestamp":"2026-11-23T00:00:03Z","log.level":"WARN","message":"a task is dead","error.type":"exit_1","taskward.kind":"l","taskward.task.id":"t2"}"#,
        r#"{"@timestamp":"2026-11-23T00:00:04Z","log.level":"WARN","message":"only a warning"}"#,
        "2026-11-23T00:00:05.000000Z ERROR a store call failed error=the database said no",
    ];

    #[test]
    fn errors_are_counted_by_what_is_asked_for() {
        let by_type = report(&LINES, GroupBy::ErrorType);
        assert_eq!((by_type.entries, by_type.errors), (5, 3));
        let counts: Vec<_> = by_type.groups.iter().map(|group| (group.key.as_str(), group.count)).collect();
        assert_eq!(counts, [("exit_1", 2), (NONE, 1)]);
        assert_eq!(by_type.groups[0].task.as_deref(), Some("t2"));
        assert!(by_type.groups[0].first < by_type.groups[0].last);
        let by_kind: Vec<_> =
            report(&LINES, GroupBy::Kind).groups.into_iter().map(|group| group.key).collect();
        assert_eq!(by_kind, [NONE, "k", "l"]);
        let by_message = report(&LINES, GroupBy::Message).groups;
        assert_eq!(by_message[1].key, "a store call failed");
    }

    #[test]
    fn inventive_programs_do_not_fill_the_memory() {
        let lines: Vec<String> = (0..GROUPS_MAX + 50)
            .map(|n| format!("{{\"log.level\":\"ERROR\",\"message\":\"message {n}\"}}"))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let report = report(&lines, GroupBy::Message);
        assert_eq!(report.groups.len(), GROUPS_MAX + 1);
        assert_eq!((report.groups[0].key.as_str(), report.groups[0].count), (OTHERS, 50));
    }
}
