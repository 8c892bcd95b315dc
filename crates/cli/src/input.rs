//! Reading what people type: each parser refuses before anything is sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use serde_json::value::RawValue;
use taskward_client::Json;
use uuid::Uuid;

use crate::error::CliError;
use crate::exit::Exit;
use crate::secret::quoted;

/// A duration: `500ms`, `30s`, `5m`, `24h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    taskward_core::duration::parse(text).map_err(|error| error.to_string())
}

/// A duration that is not zero.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|duration| {
        if duration.is_zero() { Err("it must be more than 0s".to_owned()) } else { Ok(duration) }
    })
}

/// A moment: RFC 3339, with its offset from UTC.
pub(crate) fn timestamp(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse()
        .map_err(|_| "expected a moment such as 2026-12-31T23:59:00Z or 2026-12-31T23:59:00+01:00".to_owned())
}

/// A task's id.
pub(crate) fn task_id(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text)
        .map_err(|_| "expected a task's id, such as 0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6".to_owned())
}

/// A kind, or a unique key.
pub(crate) fn name_200(text: &str) -> Result<String, String> {
    name(text, 200)
}

/// A queue, or a tag.
pub(crate) fn name_100(text: &str) -> Result<String, String> {
    name(text, 100)
}

/// A reason.
pub(crate) fn name_500(text: &str) -> Result<String, String> {
    name(text, 500)
}

fn name(text: &str, max: usize) -> Result<String, String> {
    match text.chars().count() {
        0 => Err("it is empty".to_owned()),
        length if length > max => Err(format!("it has {length} characters; at most {max} are allowed")),
        _ if text.chars().any(char::is_control) => Err("it has control characters".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// An idempotency key: visible ASCII characters.
pub(crate) fn idempotency_key(text: &str) -> Result<String, String> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=200).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 200 visible ASCII characters, without spaces".to_owned())
    }
}

/// A JSON object.
pub(crate) fn json_object(text: &str) -> Result<Json, String> {
    serde_json::from_str::<serde_json::Map<_, serde_json::Value>>(text)
        .map_err(|error| format!("expected a JSON object such as {{\"key\":\"value\"}}: {error}"))?;
    RawValue::from_string(text.trim().to_owned()).map_err(|error| error.to_string())
}

/// A payload: JSON, `@FILE`, or `-` for stdin.
pub(crate) fn payload(text: &str) -> Result<Json, CliError> {
    let (source, json) = match text.strip_prefix('@') {
        Some(path) => (path.to_owned(), read_file(Path::new(path))?),
        None if text == "-" => ("stdin".to_owned(), read_all("stdin", io::stdin().lock())?),
        None => ("--payload".to_owned(), text.to_owned()),
    };
    json_text(json.trim()).map_err(|why| {
        let why =
            if text == json { format!("{why}; a text is JSON in double quotes: '\"text\"'") } else { why };
        CliError::usage("invalid_json", format!("{source} is not JSON"))
            .why(why)
            .next("taskward enqueue --help")
    })
}

/// JSON text as it is, when it is JSON.
pub(crate) fn json_text(text: &str) -> Result<Json, String> {
    serde_json::from_str::<Json>(text).map_err(|error| error.to_string())
}

/// How large an input that is read as a whole may be: far more than any service takes.
const INPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

fn read_file(path: &Path) -> Result<String, CliError> {
    read_all(&path.display().to_string(), open(path)?)
}

/// Opens an input file.
pub(crate) fn open(path: &Path) -> Result<File, CliError> {
    File::open(path).map_err(|error| {
        let exit = if error.kind() == io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Usage };
        CliError::new(exit, "input_file", format!("{} cannot be read", path.display()))
            .why(error)
            .next(format!("ls -l {}", quoted(path)))
    })
}

fn read_all(name: &str, input: impl Read) -> Result<String, CliError> {
    let unusable =
        |why: String| CliError::usage("input_file", format!("{name} cannot be used as a payload")).why(why);
    let mut text = String::new();
    let length =
        input.take(INPUT_BYTES_MAX + 1).read_to_string(&mut text).map_err(|e| unusable(e.to_string()))?;
    if u64::try_from(length).unwrap_or(u64::MAX) > INPUT_BYTES_MAX {
        return Err(unusable("it is larger than 64 MiB".to_owned()));
    }
    Ok(text)
}

/// A word as a shell takes it.
pub(crate) fn shell_quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        for (word, quoted) in
            [("a-b/c.d", "a-b/c.d"), ("", "''"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("$x", "'$x'")]
        {
            assert_eq!(shell_quoted(word), quoted);
        }
    }

    #[test]
    fn names_have_limits() {
        assert!(name_100(&"ü".repeat(100)).is_ok());
        assert!(name_100(&"ü".repeat(101)).is_err());
        assert!(name_200("").is_err() && name_200("a\u{1b}b").is_err());
        assert!(idempotency_key("a b").is_err() && idempotency_key("ab-1").is_ok());
    }

    #[test]
    fn metadata_is_an_object() {
        assert!(json_object(r#" {"a":1} "#).is_ok());
        assert!(json_object("[1]").is_err() && json_object("{").is_err());
    }
}
