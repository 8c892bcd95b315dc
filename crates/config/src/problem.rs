//! What is wrong with a configuration, in words an operator can act on.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::origin::Origin;
use crate::schema::Key;

/// The stable code of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemId {
    /// `APP_ENV` is unset where that does not safely mean `dev`.
    EnvironmentUnclear,
    /// `APP_ENV` is none of `dev`, `staging`, `prod`.
    EnvironmentUnknown,
    /// The directory named by `--config-dir` or `TASKWARD_CONFIG_DIR` does not exist.
    DirectoryMissing,
    /// A file exists and can't be read; what it says is unknown.
    FileUnreadable,
    /// A configuration file is larger than 1 MiB.
    FileTooLarge,
    /// A file is not YAML, or uses YAML that configuration does not need (anchors, several documents).
    YamlInvalid,
    /// A key that does not exist.
    UnknownKey,
    /// A `TASKWARD__…` variable that names no key.
    UnknownVariable,
    /// A value that its key does not take.
    InvalidValue,
    /// Two values that do not fit each other.
    Conflict,
    /// A value that this environment requires.
    MissingValue,
    /// A secret, or what looks like one, in a file of `prod`.
    SecretInFile,
    /// A secrets file that is empty, open to others, or not a file.
    SecretFileRefused,
}

impl ProblemId {
    /// Every id, for documentation and tests.
    pub const ALL: [Self; 13] = [
        Self::EnvironmentUnclear,
        Self::EnvironmentUnknown,
        Self::DirectoryMissing,
        Self::FileUnreadable,
        Self::FileTooLarge,
        Self::YamlInvalid,
        Self::UnknownKey,
        Self::UnknownVariable,
        Self::InvalidValue,
        Self::Conflict,
        Self::MissingValue,
        Self::SecretInFile,
        Self::SecretFileRefused,
    ];

    /// The code as it is printed: `unknown_key`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::EnvironmentUnclear => "environment_unclear",
            Self::EnvironmentUnknown => "environment_unknown",
            Self::DirectoryMissing => "directory_missing",
            Self::FileUnreadable => "file_unreadable",
            Self::FileTooLarge => "file_too_large",
            Self::YamlInvalid => "yaml_invalid",
            Self::UnknownKey => "unknown_key",
            Self::UnknownVariable => "unknown_variable",
            Self::InvalidValue => "invalid_value",
            Self::Conflict => "conflict",
            Self::MissingValue => "missing_value",
            Self::SecretInFile => "secret_in_file",
            Self::SecretFileRefused => "secret_file_refused",
        }
    }
}

/// Where a problem is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A file, or a directory; with the line where it is known.
    File {
        /// The path as it was opened.
        path: PathBuf,
        /// Line number, from 1.
        line: Option<u32>,
    },
    /// An environment variable.
    Variable {
        /// Its name.
        variable: String,
    },
    /// Nothing was set anywhere.
    Nowhere,
}

impl From<&Origin> for Place {
    fn from(origin: &Origin) -> Self {
        match origin {
            Origin::Default { line } => {
                Self::File { path: PathBuf::from("built-in defaults.yaml"), line: Some(*line) }
            }
            Origin::File { path, line } => Self::File { path: path.clone(), line: Some(*line) },
            Origin::Env { variable } => Self::Variable { variable: variable.clone() },
            Origin::Secret { path } => Self::File { path: path.clone(), line: None },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Variable { variable } => f.write_str(variable),
            Self::Nowhere => f.write_str("not set anywhere"),
        }
    }
}

/// One thing that is wrong. None of its texts holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The stable code.
    pub id: ProblemId,
    /// Where it is.
    pub place: Place,
    /// The key it is about (`server.port`), when it is about one.
    pub key: Option<&'static str>,
    /// The offending value, redacted.
    pub value: Option<String>,
    /// What is wrong.
    pub what: String,
    /// Why that matters, when it isn't plain.
    pub why: Option<String>,
    /// What would be right.
    pub expected: Option<String>,
    /// The known name nearest to the one that was used.
    pub nearest: Option<String>,
    /// The next command, or the edit, that helps.
    pub fix: String,
}

impl Problem {
    pub(crate) fn new(id: ProblemId, place: Place, what: impl Into<String>) -> Self {
        Self {
            id,
            place,
            key: None,
            value: None,
            what: what.into(),
            why: None,
            expected: None,
            nearest: None,
            fix: String::new(),
        }
    }

    /// A value that is not of its field's type, which only a defect of Taskward itself can bring about.
    pub(crate) fn internal() -> Self {
        Self::new(
            ProblemId::InvalidValue,
            Place::Nowhere,
            "the schema and the configuration's types disagree",
        )
        .why("this is a defect of Taskward")
        .fix("taskward version   # and report it")
    }

    pub(crate) fn key(self, key: &Key) -> Self {
        Self { key: Some(key.path), ..self }
    }

    pub(crate) fn value(self, redacted: String) -> Self {
        Self { value: Some(redacted), ..self }
    }

    pub(crate) fn why(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    pub(crate) fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    pub(crate) fn nearest(self, nearest: impl Into<String>) -> Self {
        Self { nearest: Some(nearest.into()), ..self }
    }

    pub(crate) fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: fix.into(), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}] {}", self.place, self.id.code(), self.what)?;
        if let Some(value) = &self.value {
            write!(f, "; found {value}")?;
        }
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean {nearest}?")?;
        }
        if let Some(why) = &self.why {
            write!(f, "\n  why: {why}")?;
        }
        write!(f, "\n  fix: {}", self.fix)
    }
}

/// All that is wrong with a configuration, in the order of the layers. Never empty when it is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub(crate) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// The problems, one by one.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Whether every problem is that something could not be read: what it says is then unknown, not wrong.
    #[must_use]
    pub fn only_unreadable(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|problem| problem.id == ProblemId::FileUnreadable)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "the configuration has {count} problem{}", if count == 1 { "" } else { "s" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n{problem}"))
    }
}
