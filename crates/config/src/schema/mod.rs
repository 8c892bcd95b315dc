//! The table of all keys: what each means, takes, defaults to, and which variables set it.

mod kind;

use serde::Serialize;

use crate::nearest::nearest;
use crate::sections;

pub use kind::Kind;

/// One section of the configuration.
#[derive(Debug)]
pub struct Section {
    /// Its name in files: `server`.
    pub name: &'static str,
    /// What it is about.
    pub doc: &'static str,
    /// Its keys, in the order of the documentation.
    pub keys: &'static [Key],
}

/// One key of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Section and name: `server.port`.
    pub path: &'static str,
    /// What it means; lines as in the source.
    pub doc: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The default as `defaults.yaml` writes it; empty for "not set".
    pub default: &'static str,
    /// What "not set" comes to, where it comes to something.
    pub unset: &'static str,
    /// The short variable that sets it (`DATABASE_URL`), besides the long one.
    pub variable: Option<&'static str>,
    /// The name of its secrets file (`database_url`), for a secret.
    pub secret: Option<&'static str>,
    /// Whether a reload (SIGHUP) applies a changed value; else it takes a restart.
    pub reload: bool,
}

impl Key {
    /// A key without anything, from which the sections build theirs.
    pub(crate) const PLAIN: Self = Self {
        path: "",
        doc: "",
        kind: Kind::Boolean,
        default: "",
        unset: "",
        variable: None,
        secret: None,
        reload: false,
    };

    /// The name within its section: `port`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(_, name)| name)
    }

    /// The name of its section: `server`.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(section, _)| section)
    }

    /// The variable that every key has: `TASKWARD__SERVER__PORT`.
    #[must_use]
    pub fn long_variable(&self) -> String {
        format!("TASKWARD__{}__{}", self.section(), self.name()).to_ascii_uppercase()
    }

    /// All variables that set it, the strongest first.
    #[must_use]
    pub fn variables(&self) -> Vec<String> {
        std::iter::once(self.long_variable()).chain(self.variable.map(str::to_owned)).collect()
    }

    /// The variable people set it by: the short one where there is one.
    #[must_use]
    pub fn usual_variable(&self) -> String {
        self.variable.map_or_else(|| self.long_variable(), str::to_owned)
    }

    /// The variable that names its secrets file: `DATABASE_URL_FILE`.
    #[must_use]
    pub fn secret_file_variable(&self) -> Option<String> {
        self.secret.map(|name| format!("{}_FILE", name.to_ascii_uppercase()))
    }

    /// Whether "not set" is a value it may have.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.default.is_empty()
    }

    /// The meaning in one line, without the source's line breaks.
    #[must_use]
    pub fn meaning(&self) -> String {
        one_line(self.doc)
    }

    /// The default in words: the value, or what "not set" comes to.
    #[must_use]
    pub fn default_in_words(&self) -> String {
        match (self.default, self.unset) {
            ("", "") => "not set".to_owned(),
            ("", unset) => unset.to_owned(),
            (default, _) => default.to_owned(),
        }
    }
}

pub(crate) fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All sections, in the order of the documentation.
pub static SECTIONS: [&Section; 11] = [
    &sections::App::SECTION,
    &sections::Server::SECTION,
    &sections::Database::SECTION,
    &sections::Redis::SECTION,
    &sections::Logging::SECTION,
    &sections::Tasks::SECTION,
    &sections::Worker::SECTION,
    &sections::Alerts::SECTION,
    &sections::Backup::SECTION,
    &sections::Tracing::SECTION,
    &sections::Metrics::SECTION,
];

/// All keys, in the order of the documentation.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// The key of this path, if there is one.
#[must_use]
pub fn find(path: &str) -> Option<&'static Key> {
    keys().find(|key| key.path == path)
}

/// The path of the key that was probably meant: by its path, its name alone, or one of its variables.
#[must_use]
pub fn nearest_key(text: &str) -> Option<&'static str> {
    let by_variable = keys().find(|key| key.variables().iter().any(|name| name.eq_ignore_ascii_case(text)));
    by_variable
        .map(|key| key.path)
        .or_else(|| nearest(text, keys().map(|key| key.path)))
        .or_else(|| keys().find(|key| key.name() == text).map(|key| key.path))
}

/// A key as JSON sees it, for tools that generate forms or checks from the schema.
#[derive(Debug, Serialize)]
pub struct KeySummary {
    /// `server.port`
    pub key: &'static str,
    /// What it means.
    pub meaning: String,
    /// What it takes, in words.
    pub takes: String,
    /// Its default, in words.
    pub default: String,
    /// The variables that set it, the strongest first.
    pub variables: Vec<String>,
    /// The name of its secrets file, for a secret.
    pub secret: Option<&'static str>,
    /// Whether a reload applies a changed value.
    pub reload: bool,
}

impl From<&Key> for KeySummary {
    fn from(key: &Key) -> Self {
        Self {
            key: key.path,
            meaning: key.meaning(),
            takes: key.kind.expected(),
            default: key.default_in_words(),
            variables: key.variables(),
            secret: key.secret,
            reload: key.reload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_documented() {
        let mut seen = std::collections::BTreeSet::new();
        for key in keys() {
            assert!(seen.insert(key.path), "{} is declared twice", key.path);
            assert!(key.meaning().ends_with('.'), "{} lacks a sentence", key.path);
            assert!(crate::suspicious::is_showable_name(key.path), "{} could not be shown", key.path);
        }
        assert!(seen.len() > 30);
    }

    #[test]
    fn nearest_knows_paths_names_and_variables() {
        assert_eq!(nearest_key("server.prot"), Some("server.port"));
        assert_eq!(nearest_key("LOG_LEVEL"), Some("logging.level"));
        assert_eq!(nearest_key("TASKWARD__SERVER__PORT"), Some("server.port"));
        assert_eq!(nearest_key("retention"), Some("tasks.retention"));
        assert_eq!(nearest_key("colour"), None);
    }
}
