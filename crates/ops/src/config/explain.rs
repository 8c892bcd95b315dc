//! `taskward config explain KEY`: what a key means and how to set it.

use std::fmt;

use serde::Serialize;
use taskward_config::schema::{self, KeySummary};

/// What a key means and how to set it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Explanation(pub KeySummary);

/// There is no such key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("there is no key {key:?}{}; `taskward config show` lists all keys", .nearest.map(|it| format!(", did you mean {it}?")).unwrap_or_default())]
pub struct UnknownKey {
    /// What was asked for.
    pub key: String,
    /// The key that was probably meant.
    pub nearest: Option<&'static str>,
}

/// Explains a key, named as `server.port` or by one of its variables.
pub fn explain(key: &str) -> Result<Explanation, UnknownKey> {
    let by_variable = || {
        schema::keys().find(|candidate| {
            candidate.variables().iter().chain(&candidate.secret_file_variable()).any(|name| name == key)
        })
    };
    match schema::find(key).or_else(by_variable) {
        Some(key) => Ok(Explanation(key.into())),
        None => Err(UnknownKey { key: key.to_owned(), nearest: schema::nearest_key(key) }),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.0;
        writeln!(f, "{}: {}", key.key, key.meaning)?;
        writeln!(f, "takes:     {}", key.takes)?;
        writeln!(f, "default:   {}", key.default)?;
        writeln!(f, "variables: {}", key.variables.join(", "))?;
        if let Some(name) = key.secret {
            let upper = name.to_ascii_uppercase();
            writeln!(f, "secret:    {upper}_FILE, $CREDENTIALS_DIRECTORY/{name}, /run/secrets/{name}")?;
        }
        f.write_str(if key.reload {
            "changes:   applied by a reload (SIGHUP)"
        } else {
            "changes:   wait for a restart"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_path_and_by_variable() {
        for name in ["database.url", "DATABASE_URL", "TASKWARD__DATABASE__URL", "DATABASE_URL_FILE"] {
            assert_eq!(explain(name).expect(name).0.key, "database.url");
        }
    }

    #[test]
    fn an_explanation_says_everything() {
        let text = explain("logging.level").expect("a key").to_string();
        for part in ["WARNING", "INFO", "LOG_LEVEL", "TASKWARD__LOGGING__LEVEL", "applied by a reload"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        let text = explain("server.api_key").expect("a key").to_string();
        assert!(
            text.contains("API_KEY_FILE, $CREDENTIALS_DIRECTORY/api_key") && text.contains("restart"),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_key_gets_the_nearest() {
        let unknown = explain("server.prot").expect_err("a typo");
        assert_eq!(unknown.nearest, Some("server.port"));
        assert!(unknown.to_string().contains("did you mean server.port?"));
        assert_eq!(explain("colour").expect_err("no key").nearest, None);
    }
}
