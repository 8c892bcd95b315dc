//! Secrets as they may be shown, and the texts that might hold one.
//!
//! The rule is to show what is known to be harmless, never to hide what is known to be harmful: a URL is only
//! taken apart where it fits a narrow grammar, and everything else is shown as its length.

mod dsn;
mod url;

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

pub use url::url;
pub(crate) use url::{UrlParts, has_password, is_authority, is_local, is_remote_postgres, percent_decode};

/// The longest value shown in full in a message.
const SHOWN_CHARS_MAX: usize = 80;

/// A key as it may be shown: `set (41 chars, sha256 1f3a…)`.
///
/// Sixteen bits of the digest tell two keys apart and are of no use to guess one.
#[must_use]
pub fn key(secret: &str) -> String {
    let digest = Sha256::digest(secret.as_bytes());
    format!("set ({} chars, sha256 {:02x}{:02x}…)", secret.chars().count(), digest[0], digest[1])
}

/// A value that is no secret by its key, but may have been put in the wrong place: what looks like a token or
/// holds a password is shown as its length only.
#[must_use]
pub fn plain(text: &str) -> String {
    let count = text.chars().count();
    let harmless = count <= SHOWN_CHARS_MAX && !crate::suspicious::may_be_secret(text);
    if harmless && !text.chars().any(char::is_control) { format!("{text:?}") } else { hidden(count) }
}

/// What stands in for a text that is not shown.
pub(crate) fn hidden(count: usize) -> String {
    format!("a value of {count} chars, not shown")
}

/// A secret that shows itself redacted, in `Display`, `Debug` and JSON alike.
#[derive(Clone)]
pub enum Redacted {
    /// A key or token.
    Key(SecretString),
    /// A URL that may hold a password.
    Url(SecretString),
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(secret) => f.write_str(&key(secret.expose_secret())),
            Self::Url(secret) => f.write_str(&url(secret.expose_secret())),
        }
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Redacted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_length_and_a_bit_of_its_digest() {
        assert_eq!(key("abc"), "set (3 chars, sha256 ba78…)");
        let redacted = Redacted::Key("abc".to_owned().into());
        assert_eq!(
            format!("{redacted} {redacted:?}"),
            "set (3 chars, sha256 ba78…) set (3 chars, sha256 ba78…)"
        );
    }

    #[test]
    fn plain_values_are_shown_unless_they_look_like_secrets() {
        assert_eq!(plain("eighty"), "\"eighty\"");
        assert_eq!(plain("x7Gk29fLq0PzM4vTb81nRw"), "a value of 22 chars, not shown");
        assert_eq!(plain("http://u:pw@h/"), "a value of 14 chars, not shown");
        assert_eq!(plain("a\nb"), "a value of 3 chars, not shown");
        assert_eq!(plain(&"word ".repeat(40)), "a value of 200 chars, not shown");
    }
}
