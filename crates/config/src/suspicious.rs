//! What looks like a secret, though its place does not say so.

use crate::redact;

/// How well-known tokens begin.
const TOKEN_PREFIXES: [&str; 12] = [
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "sk-",
    "sk_live_",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "eyJ",
    "hvs.",
];

/// A run of letters and digits this long is a token, not a word.
const TOKEN_CHARS_MIN: usize = 16;

/// Whether a text may be, or hold, a secret. It errs towards yes: what it flags is not shown in messages.
pub(crate) fn may_be_secret(text: &str) -> bool {
    is_known_form(text) || words(text).any(|word| word.len() >= TOKEN_CHARS_MIN)
}

/// Whether a text is almost surely a secret. It errs towards no: what it flags in `prod.yaml` is refused.
pub(crate) fn is_secret(text: &str) -> bool {
    is_known_form(text) || words(text).any(|word| word.len() >= 24 && is_mixed(word))
}

/// Whether a name says that its value is a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "passwd", "secret", "token", "api_key", "apikey", "private_key", "credential"]
        .iter()
        .any(|part| name.contains(part))
}

/// Whether a mapping key may be shown in a message. A forgotten space after a colon makes a key of a secret, so
/// only what reads like a name is shown: lower-case words of ordinary length.
pub(crate) fn is_showable_name(name: &str) -> bool {
    name.len() <= 48
        && name.split(['_', '.', '-']).all(|word| {
            (1..TOKEN_CHARS_MIN).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase())
        })
}

fn is_known_form(text: &str) -> bool {
    let text = text.trim();
    text.contains("-----BEGIN")
        || TOKEN_PREFIXES.iter().any(|prefix| text.starts_with(prefix) && text.len() >= prefix.len() + 8)
        || redact::has_password(text)
        || text.to_ascii_lowercase().contains("password=")
}

/// The runs of characters that tokens are made of.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '='))
}

/// Letters and digits both, as random texts have and words have not.
fn is_mixed(word: &str) -> bool {
    word.bytes().any(|b| b.is_ascii_digit()) && word.bytes().any(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_from_names() {
        for secret in [
            "ghp_abcdefgh12345678",
            "AKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiJ9.e30.abc",
            "-----BEGIN PRIVATE KEY-----",
            "9f86d081884c7d659a2feaa0c55ad015",
            "postgres://u:pw@h/db",
            "http://h/?token=abc",
            "host=h password=x",
        ] {
            assert!(is_secret(secret), "{secret}");
            assert!(may_be_secret(secret), "{secret}");
        }
        for name in [
            "/var/log/app/example.log",
            "billing-eu-west-1-production-2024",
            "ip-10-0-0-1.eu-west-1.compute.internal",
            "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "internationalization",
            "http://localhost:8000",
            "127.0.0.1",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn only_names_are_shown_as_names() {
        for name in ["prot", "log_level", "server.port", "drain-timeout"] {
            assert!(is_showable_name(name), "{name}");
        }
        for name in ["", "x7Gk29fLq0PzM4", "abcdefghijklmnopq", "a b", "Server", "p4ss", &"word_".repeat(12)]
        {
            assert!(!is_showable_name(name), "{name}");
        }
    }
}
