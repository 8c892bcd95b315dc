//! `taskward config show`: every value, and where it came from.

use std::fmt;

use serde::Serialize;
use taskward_config::{Environment, Loaded, Origin};

/// A configuration as it may be shown: secrets are redacted.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// The environment.
    pub env: Environment,
    /// Each key's value, in the order of the documentation.
    pub values: Vec<ShownValue>,
}

/// A key's value as it may be shown.
#[derive(Debug, Clone, Serialize)]
pub struct ShownValue {
    /// The key: `server.port`.
    pub key: &'static str,
    /// The value as JSON.
    pub value: serde_json::Value,
    #[serde(skip)]
    text: String,
    /// Where it came from, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// How the value came to differ from what its origin says, when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The configuration, with the origin of each value when `origin` is set.
#[must_use]
pub fn show(loaded: &Loaded, origin: bool) -> Shown {
    let values = loaded
        .values
        .iter()
        .map(|value| ShownValue {
            key: value.key,
            value: value.value.clone(),
            text: value.text.clone(),
            origin: origin.then(|| value.origin.clone()),
            note: value.note.clone(),
        })
        .collect();
    Shown { env: loaded.config.env, values }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |text: fn(&ShownValue) -> &str| {
            self.values.iter().map(|value| text(value).chars().count()).max().unwrap_or(0)
        };
        let key_width = width(|value| value.key);
        // One long URL should not push every origin off the screen.
        let text_width = width(|value| &value.text).min(40);
        write!(f, "{:key_width$}  {}", "env", self.env)?;
        for value in &self.values {
            let (key, text) = (value.key, &value.text);
            match (&value.origin, &value.note) {
                (None, None) => write!(f, "\n{key:key_width$}  {text}")?,
                (None, Some(note)) => write!(f, "\n{key:key_width$}  {text:text_width$}  ({note})")?,
                (Some(origin), None) => write!(f, "\n{key:key_width$}  {text:text_width$}  {origin}")?,
                (Some(origin), Some(note)) => {
                    write!(f, "\n{key:key_width$}  {text:text_width$}  {origin} ({note})")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use taskward_config::{Config, Sources};

    use super::*;

    fn loaded() -> Loaded {
        let variables = [
            ("APP_ENV", "prod"),
            ("API_KEY", "planted-0123456789"),
            ("DATABASE_URL", "postgres://app:planted@db/taskward"),
        ];
        let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let nowhere = PathBuf::from("/nonexistent");
        let sources =
            Sources { env, config_dirs_default: Vec::new(), run_secrets: nowhere, ..Sources::default() };
        Config::load(&sources).expect("valid")
    }

    #[test]
    fn values_are_shown_with_their_origin_and_without_secrets() {
        let shown = show(&loaded(), true);
        let text = shown.to_string();
        let line = |key: &str| text.lines().find(|line| line.starts_with(key)).expect(key).to_owned();
        assert!(line("database.url").contains("postgres://app:***@db/taskward"), "{text}");
        assert!(line("database.url").ends_with("variable DATABASE_URL"), "{text}");
        assert!(line("server.api_key").contains("set (18 chars, sha256 "), "{text}");
        assert!(line("server.port").contains("built-in defaults.yaml:"), "{text}");
        assert!(line("logging.format").ends_with("(not set: json in prod)"), "{text}");
        let json = serde_json::to_string(&shown).expect("serialises");
        assert!(
            !text.contains("planted")
                && !json.contains("planted")
                && !format!("{shown:?}").contains("planted")
        );
    }

    #[test]
    fn origins_are_left_out_unless_asked_for() {
        let shown = show(&loaded(), false);
        assert!(!shown.to_string().contains("DATABASE_URL"));
        let json = serde_json::to_value(&shown).expect("serialises");
        assert_eq!(json["env"], "prod");
        assert!(json["values"][0].get("origin").is_none());
    }
}
