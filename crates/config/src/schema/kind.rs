//! What a key takes, and how a raw value becomes one of that kind.

use std::net::IpAddr;
use std::time::Duration;

use taskward_core::duration;

use crate::bytes;
use crate::pairs;
use crate::redact::UrlParts;
use crate::smtp;
use crate::value::{Raw, Value};

/// The longest text accepted for any key.
const TEXT_CHARS_MAX: usize = 4096;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 1–63 characters of `a-z`, `0-9` and `-`.
    Name,
    /// 1–63 characters of `a-z`, `0-9` and `_`, as PostgreSQL names replication slots.
    Slot,
    /// Visible text of at most 255 characters.
    Label,
    /// An IP address or a host name.
    Host,
    /// A path of a file.
    Path,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A duration such as `30s`.
    Duration {
        /// The shortest, in milliseconds.
        ms_min: u64,
        /// The longest, in milliseconds.
        ms_max: u64,
    },
    /// A size such as `256KiB`, or a number of bytes.
    Bytes {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// One of these words, in any case; each with the other words that mean the same.
    Choice(&'static [(&'static str, &'static [&'static str])]),
    /// `sqlite:PATH` or `postgres://…`.
    DatabaseUrl,
    /// `redis://…` or `rediss://…`.
    RedisUrl,
    /// `http://…` or `https://…` without a query.
    HttpUrl,
    /// A number from 0 to 1.
    Ratio,
    /// A key that travels in an HTTP header.
    ApiKey,
    /// `http://…` or `https://…`, of which every part may be a secret.
    SecretUrl,
    /// `whsec_` and a key in base64, as Standard Webhooks write it.
    WebhookSecret,
    /// `smtp://…` or `smtps://…`.
    SmtpUrl,
    /// A mail address.
    Address,
    /// Mail addresses with commas between them.
    Addresses,
    /// `NAME=VALUE,…` whose values may be secrets.
    Headers,
    /// `NAME=VALUE,…`
    Attributes,
}

impl Kind {
    /// Whether values of this kind are secrets, or may hold one.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(
            self,
            Self::DatabaseUrl
                | Self::RedisUrl
                | Self::HttpUrl
                | Self::ApiKey
                | Self::SecretUrl
                | Self::WebhookSecret
                | Self::SmtpUrl
                | Self::Headers
        )
    }

    /// What is taken, in words that follow "expected".
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Name => "1–63 characters of a–z, 0–9 and -".to_owned(),
            Self::Slot => "1–63 characters of a–z, 0–9 and _".to_owned(),
            Self::Label => "1–255 visible characters".to_owned(),
            Self::Host => "an IP address or a host name".to_owned(),
            Self::Path => "the path of a file".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Duration { ms_min, ms_max } => {
                let [min, max] = [ms_min, ms_max].map(|ms| duration::format(Duration::from_millis(ms)));
                format!("a duration from {min} to {max}, such as 500ms, 30s, 5m or 24h")
            }
            Self::Bytes { min, max } => {
                format!(
                    "a size from {} to {}, such as 4096, 256KiB or 64MiB",
                    bytes::format(min),
                    bytes::format(max)
                )
            }
            Self::Choice(words) => words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "),
            Self::DatabaseUrl => "sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE".to_owned(),
            Self::RedisUrl => "redis://[:PASSWORD@]HOST[:PORT][/NUMBER] or rediss://…".to_owned(),
            Self::ApiKey => "1–512 visible ASCII characters without spaces".to_owned(),
            Self::SecretUrl => "http://HOST[:PORT]/… or https://HOST/…".to_owned(),
            Self::HttpUrl => "http://HOST[:PORT][/PATH] or https://HOST[:PORT][/PATH]".to_owned(),
            Self::Ratio => "a number from 0 to 1, such as 0.1".to_owned(),
            Self::Headers | Self::Attributes => {
                "NAME=VALUE,NAME=VALUE, the values percent-encoded".to_owned()
            }
            Self::WebhookSecret => "whsec_ followed by 24 to 64 bytes in base64".to_owned(),
            Self::SmtpUrl => "smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://…".to_owned(),
            Self::Address => "a mail address such as taskward@example.com".to_owned(),
            Self::Addresses => "mail addresses such as ops@example.com, separated by commas".to_owned(),
        }
    }

    /// The value of this kind, or `None` when the raw one is not of it.
    pub(crate) fn parse(self, raw: &Raw) -> Option<Value> {
        match (self, raw) {
            (Self::Boolean, Raw::Boolean(boolean)) => Some(Value::Boolean(*boolean)),
            (Self::Integer { min, max }, Raw::Integer(number)) => {
                let number = u64::try_from(*number).ok()?;
                (min..=max).contains(&number).then_some(Value::Integer(number))
            }
            (Self::Bytes { min, max }, Raw::Integer(number)) => {
                let number = u64::try_from(*number).ok()?;
                (min..=max).contains(&number).then_some(Value::Bytes(number))
            }
            (Self::Ratio, Raw::Integer(number)) => ratio(*number as f64),
            (Self::Ratio, Raw::Float(number)) => ratio(*number),
            (kind, Raw::Text(text)) if text.len() <= TEXT_CHARS_MAX => kind.parse_text(text),
            _ => None,
        }
    }

    fn parse_text(self, text: &str) -> Option<Value> {
        let as_text = |valid: bool| valid.then(|| Value::Text(text.to_owned()));
        match self {
            Self::Name => as_text(is_name(text)),
            Self::Slot => as_text(is_slot(text)),
            Self::Label => as_text((1..=255).contains(&text.chars().count()) && is_visible(text)),
            Self::Host => as_text(is_host(text)),
            Self::Path => as_text(!text.is_empty() && is_visible(text)),
            Self::Boolean => text.parse().ok().map(Value::Boolean),
            Self::Integer { .. } => self.parse(&Raw::Integer(text.parse().ok()?)),
            Self::Bytes { .. } => self.parse(&Raw::Integer(bytes::parse(text)?.into())),
            Self::Duration { ms_min, ms_max } => {
                let duration = duration::parse(text).ok()?;
                let range = Duration::from_millis(ms_min)..=Duration::from_millis(ms_max);
                range.contains(&duration).then_some(Value::Duration(duration))
            }
            Self::Choice(words) => choose(words, text).map(|word| Value::Text(word.to_owned())),
            Self::DatabaseUrl => is_database_url(text).then(|| Value::Url(text.into())),
            Self::RedisUrl => is_server_url(text, &["redis", "rediss"]).then(|| Value::Url(text.into())),
            Self::HttpUrl => is_http_url(text).then(|| Value::Url(text.into())),
            Self::Ratio => ratio(text.parse().ok()?),
            Self::Headers => pairs::parse(text).map(|_| Value::Secret(text.into())),
            Self::Attributes => as_text(pairs::parse(text).is_some()),
            Self::ApiKey => is_api_key(text).then(|| Value::Secret(text.into())),
            Self::SecretUrl => is_server_url(text, &["http", "https"]).then(|| Value::Secret(text.into())),
            Self::WebhookSecret => is_webhook_secret(text).then(|| Value::Secret(text.into())),
            Self::SmtpUrl => smtp::parse(text).is_ok().then(|| Value::Url(text.into())),
            Self::Address => as_text(smtp::is_address(text)),
            Self::Addresses => as_text(smtp::addresses(text).is_some()),
        }
    }

    /// What probably went wrong with a raw value that this kind does not take; never quotes it.
    pub(crate) fn hint(self, raw: &Raw) -> Option<&'static str> {
        match (self, raw) {
            (_, Raw::Null) => Some("nothing stands after the colon"),
            (_, Raw::List) => Some("it is a list, and no key takes one"),
            (_, Raw::Mapping) => Some("it is a mapping where a single value belongs; check the indentation"),
            (Self::Duration { .. }, Raw::Integer(_)) => Some("a bare number has no unit"),
            (Self::Duration { .. }, Raw::Text(text)) if text.parse::<u64>().is_ok() => {
                Some("a bare number has no unit")
            }
            (Self::Duration { .. } | Self::Integer { .. } | Self::Bytes { .. }, Raw::Float(_)) => {
                Some("fractions are not taken")
            }
            (Self::Bytes { .. }, Raw::Text(text)) if text.to_ascii_lowercase().ends_with('b') => {
                Some("units are B, KiB, MiB and GiB, written like that and without a space")
            }
            (
                Self::Integer { .. }
                | Self::Duration { .. }
                | Self::Bytes { .. }
                | Self::Boolean
                | Self::Ratio,
                _,
            ) => None,
            (_, Raw::Boolean(_) | Raw::Integer(_) | Raw::Float(_)) => {
                Some("YAML reads it as a number or a boolean; put it in quotes")
            }
            (Self::DatabaseUrl, Raw::Text(text)) => database_url_hint(text),
            (Self::SmtpUrl, Raw::Text(text)) => smtp::parse(text).err(),
            (Self::Address | Self::Addresses, Raw::Text(text)) if text.contains('<') => {
                Some("names are not taken: the address alone, without < and >")
            }
            (Self::ApiKey, Raw::Text(text)) if text.contains(char::is_whitespace) => {
                Some("it holds a space or a line break")
            }
            _ => None,
        }
    }
}

fn choose(words: &[(&'static str, &'static [&'static str])], text: &str) -> Option<&'static str> {
    words
        .iter()
        .find(|(word, others)| {
            std::iter::once(word).chain(*others).any(|candidate| candidate.eq_ignore_ascii_case(text))
        })
        .map(|(word, _)| *word)
}

fn is_visible(text: &str) -> bool {
    text.trim() == text && !text.chars().any(char::is_control)
}

fn is_slot(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=63).contains(&text.len()) && text.bytes().all(plain)
}

fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
    };
    // What consists of digits and dots alone was meant as an address.
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.parse::<IpAddr>().is_ok() || (!numeric && text.len() <= 253 && text.split('.').all(is_label))
}

fn is_api_key(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_webhook_secret(text: &str) -> bool {
    let Some(key) = text.strip_prefix("whsec_") else { return false };
    let digits = key.trim_end_matches('=');
    let padding = key.len() - digits.len();
    key.len().is_multiple_of(4)
        && padding <= 2
        && (24..=64).contains(&(key.len() / 4 * 3 - padding))
        && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

fn is_database_url(text: &str) -> bool {
    match text.strip_prefix("sqlite:") {
        Some(path) => !path.is_empty() && !path.starts_with("//") && is_visible(path) && !path.contains('?'),
        None => is_server_url(text, &["postgres", "postgresql"]),
    }
}

fn database_url_hint(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("sqlite://") {
        Some("an SQLite database is sqlite:PATH, without slashes in front of the path")
    } else if lower.starts_with("sqlite:") {
        Some("sqlite: is followed by the path of a file, and takes no parameters")
    } else if lower.starts_with("mysql") || lower.starts_with("mariadb") {
        Some("the databases are SQLite and PostgreSQL")
    } else if lower.starts_with("postgres") {
        Some("in a password, @ : / ? # and % are written %40 %3A %2F %3F %23 and %25")
    } else if lower.contains("host=") || lower.contains("dbname=") {
        Some("keyword=value connection strings are not taken; write it as a URL")
    } else {
        None
    }
}

fn is_http_url(text: &str) -> bool {
    is_server_url(text, &["http", "https"]) && !text.contains('?')
}

fn ratio(number: f64) -> Option<Value> {
    (0.0..=1.0).contains(&number).then_some(Value::Ratio(number))
}

/// Whether a text is a URL of one of these schemes whose parts can be told apart for certain.
fn is_server_url(text: &str, schemes: &[&str]) -> bool {
    let Some(url) = UrlParts::split(text) else { return false };
    let has_host = !url.authority.is_empty()
        || url.query.pairs().any(|(name, value)| matches!(name, "host" | "hostaddr") && !value.is_empty());
    schemes.contains(&url.scheme)
        && has_host
        && crate::redact::is_authority(url.authority)
        && is_visible(text)
        && !text.contains(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: Kind, text: &str) -> bool {
        kind.parse(&Raw::Text(text.to_owned())).is_some()
    }

    #[test]
    fn database_urls() {
        for url in [
            "sqlite:data/taskward.db",
            "sqlite:/var/lib/x.db",
            "postgres://u:p@h/db",
            "postgresql://u@h:5432,h2/db?sslmode=require",
            "postgres:///db?host=/var/run/postgresql",
            "postgres://u:p@[::1]:5432/db",
        ] {
            assert!(text(Kind::DatabaseUrl, url), "{url}");
        }
        for url in [
            "",
            "sqlite:",
            "sqlite:///x.db",
            "postgres:",
            "postgres://",
            "postgres://u:p@/db",
            "mysql://h/db",
            "host=h dbname=d",
            "postgres://u:p@h:port/db",
            "postgres://u:p/w@h/db",
            "postgres://u:p@h/d b",
        ] {
            assert!(!text(Kind::DatabaseUrl, url), "{url}");
        }
    }

    #[test]
    fn hosts_names_and_keys() {
        for host in ["127.0.0.1", "::", "::1", "localhost", "db-1.example.com", "0.0.0.0"] {
            assert!(text(Kind::Host, host), "{host}");
        }
        for host in ["", "256.0.0.1", "1.2.3", "http://h", "a b", "-h", "h:80", "[::1]"] {
            assert!(!text(Kind::Host, host), "{host}");
        }
        assert!(text(Kind::Name, "example-1") && !text(Kind::Name, "Example") && !text(Kind::Name, ""));
        assert!(text(Kind::Slot, "taskward_2") && !text(Kind::Slot, "task-ward") && !text(Kind::Slot, ""));
        for secret in ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
        {
            assert!(text(Kind::WebhookSecret, secret), "{secret}");
        }
        for secret in
            ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS-"]
        {
            assert!(!text(Kind::WebhookSecret, secret), "{secret}");
        }
        assert!(text(Kind::SecretUrl, "https://hooks.example.com/services/T0/B0/x?key=y"));
        assert!(!text(Kind::SecretUrl, "hooks.example.com/x") && !text(Kind::SecretUrl, "ftp://h/x"));
        assert!(text(Kind::ApiKey, "k") && !text(Kind::ApiKey, "k k") && !text(Kind::ApiKey, "ключ"));
    }

    #[test]
    fn endpoints_ratios_and_lists() {
        for url in ["http://127.0.0.1:4318", "https://otlp.example.com/prefix/", "https://u:p@h"] {
            assert!(text(Kind::HttpUrl, url), "{url}");
        }
        for url in ["", "127.0.0.1:4318", "grpc://h", "http://h/?token=x", "http://h /", "http://"] {
            assert!(!text(Kind::HttpUrl, url), "{url}");
        }
        for (raw, expected) in [
            (Raw::Integer(1), Some(1.0)),
            (Raw::Float(0.25), Some(0.25)),
            (Raw::Text("0.1".to_owned()), Some(0.1)),
            (Raw::Text("NaN".to_owned()), None),
            (Raw::Float(1.01), None),
            (Raw::Integer(-1), None),
        ] {
            assert_eq!(Kind::Ratio.parse(&raw), expected.map(Value::Ratio));
        }
        assert!(text(Kind::Headers, "a=b,c=d") && !text(Kind::Headers, "a"));
        assert!(text(Kind::Attributes, "team=a%20b") && !text(Kind::Attributes, "team"));
    }

    #[test]
    fn numbers_are_taken_quoted_and_bare() {
        let port = Kind::Integer { min: 0, max: 65_535 };
        for (raw, expected) in [
            (Raw::Integer(80), Some(80)),
            (Raw::Text("80".to_owned()), Some(80)),
            (Raw::Integer(-1), None),
            (Raw::Integer(65_536), None),
            (Raw::Float(1.5), None),
            (Raw::Boolean(true), None),
        ] {
            assert_eq!(port.parse(&raw), expected.map(Value::Integer));
        }
    }
}
