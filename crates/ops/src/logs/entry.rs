//! One entry of the log.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use taskward_core::LogLevel;

/// An entry: a line of JSON, or a line for people with the lines that go on from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When it was written, where that can be told.
    pub time: Option<Timestamp>,
    /// How severe it is, where that can be told.
    pub level: Option<LogLevel>,
    /// As it stands in the file.
    pub text: String,
    fields: Option<Map<String, Value>>,
}

/// Fields that are the same in every line, or are shown in a place of their own.
const NOT_SHOWN: [&str; 9] = [
    "@timestamp",
    "log.level",
    "log.logger",
    "message",
    "ecs.version",
    "event.dataset",
    "service.name",
    "service.version",
    "service.environment",
];

impl Entry {
    /// What an entry says.
    pub(super) fn parse(text: String) -> Self {
        match serde_json::from_str::<Map<String, Value>>(&text) {
            Ok(fields) => {
                let at = |names: &[&str]| names.iter().find_map(|name| lookup(&fields, name)?.as_str());
                let time = at(&["@timestamp", "timestamp", "time"]).and_then(|time| time.parse().ok());
                let level = at(&["log.level", "level"]).and_then(LogLevel::parse);
                Self { time, level, text, fields: Some(fields) }
            }
            Err(_) => {
                let mut words = text.split_whitespace();
                let time = words.next().and_then(|word| word.parse().ok());
                let level = time.and_then(|_: Timestamp| words.next()).and_then(LogLevel::parse);
                Self { time, level, text, fields: None }
            }
        }
    }

    /// Whether a line begins an entry; else it goes on from the one before.
    pub(super) fn begins(line: &[u8]) -> bool {
        let shape = b"0000-00-00T";
        let is_time = || {
            let fits = |(byte, shape): (&u8, &u8)| {
                if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape }
            };
            line.len() > shape.len() && line.iter().zip(shape).all(fits)
        };
        line.first() == Some(&b'{') || is_time()
    }

    /// A field by its name in the JSON, such as `error.type` or `taskward.queue`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let Some(fields) = &self.fields else {
            // Lines for people have the names without the first part.
            return human_field(&self.text, name.strip_prefix("taskward.").unwrap_or(name))
                .map(Cow::Borrowed);
        };
        match lookup(fields, name)? {
            Value::Null => None,
            Value::String(text) => Some(Cow::Borrowed(text)),
            other => Some(Cow::Owned(other.to_string())),
        }
    }

    /// The message, without fields.
    #[must_use]
    pub fn message(&self) -> Cow<'_, str> {
        if self.fields.is_some() {
            return self.get("message").unwrap_or_default();
        }
        Cow::Borrowed(human_message(&self.text))
    }

    /// The entry for people. Lines that are for people already stay as they are.
    #[must_use]
    pub fn human(&self) -> String {
        let Some(fields) = &self.fields else { return self.text.clone() };
        let time = self.time.map(|time| format!("{time:.3}")).unwrap_or_default();
        let level = self.level.map(LogLevel::as_str).unwrap_or_default();
        let mut line = format!("{time} {level:<7} {}", self.message());
        let mut shown = Vec::new();
        flatten(fields, "", &mut shown);
        for (name, value) in shown.iter().filter(|(name, _)| !NOT_SHOWN.contains(&name.as_str())) {
            let name = name.strip_prefix("taskward.").unwrap_or(name);
            match value {
                Value::String(text) => line.push_str(&format!("  {name}={text}")),
                value => line.push_str(&format!("  {name}={value}")),
            }
        }
        line
    }
}

impl Serialize for Entry {
    /// The fields of a JSON line; of another one what could be told.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.fields {
            Some(fields) => fields.serialize(serializer),
            None => json!({"@timestamp": self.time, "log.level": self.level, "message": self.text})
                .serialize(serializer),
        }
    }
}

/// A field by its dotted name, be its object nested or not.
fn lookup<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).or_else(|| {
        name.match_indices('.')
            .find_map(|(dot, _)| lookup(fields.get(&name[..dot])?.as_object()?, &name[dot + 1..]))
    })
}

fn flatten<'a>(fields: &'a Map<String, Value>, prefix: &str, into: &mut Vec<(String, &'a Value)>) {
    for (name, value) in fields {
        let name = format!("{prefix}{name}");
        match value {
            Value::Object(inner) => flatten(inner, &format!("{name}."), into),
            value => into.push((name, value)),
        }
    }
}

/// The value of `name=value` in a line for people.
fn human_field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let starts = |at: usize| at == 0 || text[..at].ends_with([' ', '{']);
    let value = text.match_indices(name).find_map(|(at, _)| {
        let rest = text[at + name.len()..].strip_prefix('=')?;
        starts(at).then_some(rest)
    })?;
    match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => value.split([' ', '}', '\n']).next(),
    }
}

fn without_word(text: &str) -> &str {
    text.trim_start().split_once(' ').map_or("", |(_, rest)| rest.trim_start())
}

/// What stands between level, or span, and the first field.
fn human_message(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    let rest = without_word(without_word(line));
    let rest = match rest.split_once("}: ") {
        Some((span, rest)) if span.split_once('{').is_some_and(|(name, _)| !name.contains(' ')) => rest,
        _ => rest,
    };
    let first_field = rest.match_indices('=').find_map(|(equals, _)| {
        let start = rest[..equals].rfind(' ')?;
        let name = &rest[start + 1..equals];
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._".contains(c));
        is_name.then_some(start)
    });
    rest[..first_field.unwrap_or(rest.len())].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUMAN: &str = "2026-11-23T02:44:48.123456Z  WARN request{request_id=r1 method=\"POST\" route=\"/a\"}: \
                         a task is dead task.id=t1 queue=\"my queue\" kind=\"k\" attempt=3 error.type=\"E\"\n  more";

    #[test]
    fn json_lines_are_understood_flat_and_nested() {
        for text in [
            r#"{"@timestamp":"2026-11-23T02:44:48.5Z","log.level":"WARN","message":"m","taskward.task.id":"t","error.type":"E","taskward.attempt":3}"#,
            r#"{"@timestamp":"2026-11-23T02:44:48.5Z","log":{"level":"warn"},"message":"m","taskward":{"task":{"id":"t"},"attempt":3},"error":{"type":"E"}}"#,
        ] {
            let entry = Entry::parse(text.to_owned());
            assert_eq!(entry.time, Some("2026-11-23T02:44:48.5Z".parse().expect("a time")));
            assert_eq!(entry.level, Some(LogLevel::Warning));
            for (name, value) in
                [("message", "m"), ("taskward.task.id", "t"), ("error.type", "E"), ("taskward.attempt", "3")]
            {
                assert_eq!(entry.get(name).as_deref(), Some(value), "{name}: {text}");
            }
            let human = entry.human();
            assert!(human.starts_with("2026-11-23T02:44:48.500Z WARNING m  "), "{human}");
            assert!(human.contains("  task.id=t") && human.contains("  error.type=E"), "{human}");
        }
    }

    #[test]
    fn of_lines_for_people_time_level_message_and_fields_are_told() {
        let entry = Entry::parse(HUMAN.to_owned());
        assert_eq!(entry.level, Some(LogLevel::Warning));
        assert!(entry.time.is_some());
        assert_eq!(entry.message(), "a task is dead");
        for (name, value) in [
            ("taskward.task.id", "t1"),
            ("taskward.queue", "my queue"),
            ("taskward.kind", "k"),
            ("error.type", "E"),
        ] {
            assert_eq!(entry.get(name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(entry.get("taskward.missing"), None);
        assert_eq!(entry.human(), HUMAN);
    }

    #[test]
    fn what_is_neither_is_kept_as_it_is() {
        let entry = Entry::parse("thread 'main' panicked".to_owned());
        assert_eq!((entry.time, entry.level), (None, None));
        assert!(Entry::begins(b"{\"a\"") && Entry::begins(HUMAN.as_bytes()));
        assert!(!Entry::begins(b"  more") && !Entry::begins(b"") && !Entry::begins("année".as_bytes()));
    }
}
