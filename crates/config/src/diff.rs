//! What changed between two configurations, and what it takes to apply it.

use std::fmt;

use serde::Serialize;

use crate::load::Loaded;
use crate::schema;

/// A key whose value changed; both values redacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The key: `logging.level`.
    pub key: &'static str,
    /// The value before.
    pub old: String,
    /// The value now.
    pub new: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.key, self.old, self.new)
    }
}

/// What changed, by what it takes to apply it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// A reload applies these.
    pub reload: Vec<Change>,
    /// These wait for a restart.
    pub restart: Vec<Change>,
}

impl Changes {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reload.is_empty() && self.restart.is_empty()
    }
}

/// What changed from `old` to `new`. The environment itself (`APP_ENV`) can't change in a running process.
#[must_use]
pub fn diff(old: &Loaded, new: &Loaded) -> Changes {
    let mut changes = Changes::default();
    for key in schema::keys() {
        let (Some(before), Some(after)) = (old.exact.get(key.path), new.exact.get(key.path)) else {
            continue;
        };
        if before != after {
            let change = Change { key: key.path, old: before.shown(), new: after.shown() };
            if key.reload { changes.reload.push(change) } else { changes.restart.push(change) }
        }
    }
    changes
}
