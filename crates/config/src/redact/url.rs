//! URLs with passwords in them.

use secrecy::SecretString;

use super::{dsn, hidden};

/// A URL taken apart: `scheme://userinfo@host:port,…/path?query`.
pub(crate) struct UrlParts<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) userinfo: Option<&'a str>,
    /// `host:port`, comma separated.
    pub(crate) authority: &'a str,
    /// With its leading `/`, or empty.
    pub(crate) path: &'a str,
    pub(crate) query: Query<'a>,
}

/// The part after `?`, or an empty one.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a>(pub(crate) &'a str);

impl<'a> Query<'a> {
    /// Names and values, not decoded.
    pub(crate) fn pairs(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

impl<'a> UrlParts<'a> {
    /// `None` when the text is no URL, or one in which a password's end can't be told: an `@` after the first
    /// `/`, `?` or `#` may belong to a password that was not percent-encoded.
    pub(crate) fn split(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        if tail.contains(['@', '#']) {
            return None;
        }
        let (userinfo, authority) = match authority.rsplit_once('@') {
            Some((userinfo, authority)) => (Some(userinfo), authority),
            None => (None, authority),
        };
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        Some(Self { scheme, userinfo, authority, path, query: Query(query) })
    }

    /// The hosts, from the authority and from the query (`?host=`), without ports, decoded.
    fn hosts(&self) -> impl Iterator<Item = String> {
        let listed = self.authority.split(',').map(|host| {
            let host = host.strip_prefix('[').and_then(|host| host.split_once(']')).map_or_else(
                || host.rsplit_once(':').map_or(host, |(host, _port)| host),
                |(inside, _port)| inside,
            );
            percent_decode(host)
        });
        let queried =
            self.query.pairs().filter(|(name, _)| matches!(*name, "host" | "hostaddr")).flat_map(
                |(_, value)| percent_decode(value).split(',').map(str::to_owned).collect::<Vec<_>>(),
            );
        listed.chain(queried).filter(|host| !host.is_empty())
    }
}

/// Decodes `%2F`; what is not an escape stays.
pub(crate) fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push((hex(*high) << 4) | hex(*low));
                rest = after;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The value of a hexadecimal digit.
fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// Whether this is a PostgreSQL URL with a host that is neither loopback nor a socket directory.
pub(crate) fn is_remote_postgres(text: &str) -> bool {
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return false;
    }
    UrlParts::split(text).is_none_or(|url| url.hosts().any(|host| !is_local(&host)))
}

/// Whether a host is this machine: a loopback name or address, or a socket's directory.
pub(crate) fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.starts_with('/')
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Takes the password out of a database URL: for programs whose arguments everybody can read, and which want it in
/// their environment. The password is decoded; parameters that hold other secrets are left out.
#[must_use]
pub fn split_password(text: &str) -> (String, Option<SecretString>) {
    let Some(url) = UrlParts::split(text) else { return (text.to_owned(), None) };
    let (user, password) = match url.userinfo {
        Some(userinfo) => match userinfo.split_once(':') {
            Some((user, password)) => (Some(user), Some(password)),
            None => (Some(userinfo), None),
        },
        None => (None, None),
    };
    let queried = url.query.pairs().find(|(name, _)| *name == "password").map(|(_, value)| value);
    let rest: Vec<String> = url
        .query
        .pairs()
        .filter(|(name, _)| !is_secret_parameter(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let at = user.map(|user| format!("{user}@")).unwrap_or_default();
    let query = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
    let without = format!("{}://{at}{}{}{query}", url.scheme, url.authority, url.path);
    (without, queried.or(password).map(|password| percent_decode(password).into()))
}

/// Whether a text is a URL with a password in it, or in its query.
pub(crate) fn has_password(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    if scheme.is_empty() || scheme.contains(char::is_whitespace) {
        return false;
    }
    UrlParts::split(text).map_or_else(
        || rest.contains('@'),
        |url| {
            url.userinfo.is_some_and(|userinfo| userinfo.contains(':') || !is_user(userinfo))
                || url.query.pairs().any(|(name, _)| is_secret_parameter(name))
        },
    )
}

fn is_secret_parameter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "passwd", "pwd", "secret", "token", "key", "auth"].iter().any(|part| name.contains(part))
}

/// A URL as it may be shown: `postgres://user:***@host/db`. Keyword/value connection strings work too; what is
/// neither is shown as its length.
#[must_use]
pub fn url(text: &str) -> String {
    let shown = match text.strip_prefix("sqlite:") {
        Some(path) => Some(sqlite(path)),
        None => UrlParts::split(text).and_then(|url| rebuild(&url)).or_else(|| dsn::redact(text)),
    };
    shown.unwrap_or_else(|| hidden(text.chars().count()))
}

/// A path holds no secret, what follows a `?` may.
fn sqlite(path: &str) -> String {
    match path.split_once('?') {
        Some((path, _)) => format!("sqlite:{}?***", sqlite_path(path)),
        None => format!("sqlite:{}", sqlite_path(path)),
    }
}

fn sqlite_path(path: &str) -> String {
    // `sqlite:` in front of another URL is a mistake that may carry a password.
    let harmless = !path.contains(['@', '=']) && !path.contains("://") && !path.chars().any(char::is_control);
    if harmless { path.to_owned() } else { "***".to_owned() }
}

/// The URL from its parts, or `None` when one of them is not what such a URL holds.
fn rebuild(url: &UrlParts<'_>) -> Option<String> {
    const SCHEMES: [&str; 9] =
        ["postgres", "postgresql", "redis", "rediss", "http", "https", "sqlite", "smtp", "smtps"];
    if !SCHEMES.contains(&url.scheme) || !is_authority(url.authority) {
        return None;
    }
    let userinfo = url.userinfo.map(userinfo).unwrap_or_default();
    let path = match url.path.strip_prefix('/') {
        None => String::new(),
        Some(path) if is_name(path) || path.is_empty() => format!("/{path}"),
        Some(_) => "/***".to_owned(),
    };
    let pairs: Vec<_> = url.query.pairs().map(|(name, value)| query_pair(name, value)).collect();
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    Some(format!("{}://{userinfo}{}{path}{query}", url.scheme, url.authority))
}

fn userinfo(text: &str) -> String {
    match text.split_once(':') {
        Some((user, _password)) if user.is_empty() || is_name(user) => format!("{user}:***@"),
        // A name alone is a user; but a long one may be a token that somebody took for one.
        None if is_user(text) => format!("{text}@"),
        _ => "***@".to_owned(),
    }
}

fn query_pair(name: &str, value: &str) -> String {
    const HARMLESS: [&str; 10] = [
        "tls",
        "host",
        "hostaddr",
        "port",
        "dbname",
        "sslmode",
        "application_name",
        "connect_timeout",
        "target_session_attrs",
        "channel_binding",
    ];
    match HARMLESS.contains(&name) {
        true if is_name(value) || is_socket(value) => format!("{name}={value}"),
        true => format!("{name}=***"),
        false if is_secret_parameter(name) && is_word(name) => format!("{name}=***"),
        false => "***".to_owned(),
    }
}

fn is_socket(value: &str) -> bool {
    percent_decode(value).strip_prefix('/').is_some_and(|path| path.split('/').all(is_name))
}

fn is_word(text: &str) -> bool {
    text.len() <= 24 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// A user's name, short enough not to be a token.
fn is_user(text: &str) -> bool {
    text.len() <= 32 && is_name(text) && !crate::suspicious::may_be_secret(text)
}

/// A plain name, number or host: `db-1.example.com`, `taskward`, `5432`.
pub(super) fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !crate::suspicious::is_secret(text)
}

/// Hosts with ports, comma separated; an IPv6 address in brackets; a socket directory as `%2F…`.
pub(crate) fn is_authority(text: &str) -> bool {
    text.len() <= 1024
        && text.split(',').all(|host| {
            let (host, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
                Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("", port),
                Some(_) => return false,
                None => host.split_at(host.find(':').unwrap_or(host.len())),
            };
            let port = port.strip_prefix(':').unwrap_or(port);
            (host.is_empty() || is_name(host) || is_socket(host))
                && port.len() <= 5
                && port.bytes().all(|b| b.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_out() {
        let split = |text: &str| {
            let (url, password) = split_password(text);
            (url, password.map(|password| secrecy::ExposeSecret::expose_secret(&password).to_owned()))
        };
        let cases = [
            ("postgres://u:p%40w@h:1/d?sslmode=require", "postgres://u@h:1/d?sslmode=require", Some("p@w")),
            ("postgres://u@h/d?password=x&sslpassword=y", "postgres://u@h/d", Some("x")),
            ("postgres:///d?host=/run/postgresql", "postgres:///d?host=/run/postgresql", None),
            ("sqlite:data/t.db", "sqlite:data/t.db", None),
        ];
        for (text, url, password) in cases {
            assert_eq!(split(text), (url.to_owned(), password.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn passwords_are_replaced() {
        let cases = [
            ("postgres://user:pw@host/db", "postgres://user:***@host/db"),
            (
                "postgresql://user:p%40ss@host:5432/db?sslmode=require",
                "postgresql://user:***@host:5432/db?sslmode=require",
            ),
            ("postgres://user:a:b@c@host/db", "postgres://user:***@host/db"),
            ("postgres://:pw@host/db", "postgres://:***@host/db"),
            ("postgres://user@host/db", "postgres://user@host/db"),
            ("postgres://x7Gk29fLq0PzM4vTb81n@host/db", "postgres://***@host/db"),
            ("postgres://host/db?user=u&password=pw", "postgres://host/db?***&password=***"),
            ("postgres://u:pw@h1:1,h2:2/db", "postgres://u:***@h1:1,h2:2/db"),
            ("postgres://u:pw@[::1]:5432/db", "postgres://u:***@[::1]:5432/db"),
            ("postgres://u:pw@%2Fvar%2Frun/db", "postgres://u:***@%2Fvar%2Frun/db"),
            ("postgres:///db?host=/var/run/postgresql", "postgres:///db?host=/var/run/postgresql"),
            ("redis://:pw@cache:6379/0", "redis://:***@cache:6379/0"),
            ("smtp://u%40h:pw@mail:587?tls=required", "smtp://***@mail:587?tls=required"),
            ("smtps://ops:pw@mail", "smtps://ops:***@mail"),
            ("sqlite:data/taskward.db", "sqlite:data/taskward.db"),
            ("sqlite:data/x.db?key=pw", "sqlite:data/x.db?***"),
            ("host=db user=app password=pw dbname=t", "host=db user=app password=*** dbname=t"),
        ];
        for (text, shown) in cases {
            assert_eq!(url(text), shown, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_hidden_whole() {
        for text in [
            "postgres://user:p/ss@host/db",
            "postgres://user:p?ss@host/db",
            "postgres://user:p#ss@host/db",
            "postgres:/user:pw@host",
            "user:pw@host/db",
            "ftp://user:pw@host/db",
            "host=db password='p w'",
            "host=db password=p w x=y",
            "just-a-password",
        ] {
            assert_eq!(url(text), hidden(text.chars().count()), "{text}");
        }
        assert_eq!(url("sqlite:postgres://u:pw@h/db"), "sqlite:***");
    }
}
