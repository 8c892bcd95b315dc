//! `smtp://[USER:PASSWORD@]HOST[:PORT]` and `smtps://…`: a mail server, and how the way to it is protected.

use secrecy::SecretString;

use crate::redact::{self, UrlParts};

/// A mail server.
#[derive(Debug, Clone)]
pub struct SmtpServer {
    /// Its name or address; of an IPv6 address what stands between the brackets.
    pub host: String,
    /// Its port: the usual one of the protection when the URL names none.
    pub port: u16,
    /// How the way to it is protected.
    pub security: SmtpSecurity,
    /// As whom to sign in, with the password; without, nobody does.
    pub credentials: Option<(String, SecretString)>,
}

/// How the way to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte: `smtps://`, port 465.
    Tls,
    /// TLS before anything else is said, or nothing is: `smtp://`, port 587.
    StartTls,
    /// None: what `smtp://` means on this machine, and `?tls=none` elsewhere; port 25.
    None,
}

impl SmtpSecurity {
    const fn port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}

/// Takes a URL apart, or says what is wrong with it without quoting it.
pub(crate) fn parse(text: &str) -> Result<SmtpServer, &'static str> {
    const NO_URL: &str =
        "in a user's name or a password, @ : / ? # and % are written %40 %3A %2F %3F %23 and %25";
    let url = UrlParts::split(text).ok_or(NO_URL)?;
    if !["smtp", "smtps"].contains(&url.scheme) {
        return Err("mail servers are smtp:// (STARTTLS) or smtps:// (TLS from the first byte)");
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) || !redact::is_authority(url.authority) {
        return Err(NO_URL);
    }
    let (host, port) = host_and_port(url.authority)?;
    if !url.path.trim_start_matches('/').is_empty() {
        return Err("nothing stands after the host and the port but ?tls=…");
    }
    let credentials = url.userinfo.map(credentials).transpose()?;
    let security = security(&url, &host)?;
    if security == SmtpSecurity::None && credentials.is_some() && !redact::is_local(&host) {
        return Err("without TLS the password could be read by everybody on the way: leave tls=none away");
    }
    Ok(SmtpServer { port: port.unwrap_or(security.port()), host, security, credentials })
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), &'static str> {
    const NO_HOST: &str = "it has to name one host, and a port from 1 to 65535 if any";
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (address, port.strip_prefix(':')),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || authority.contains([',', '%']) {
        return Err(NO_HOST);
    }
    let number = |port: &str| port.parse::<u16>().ok().filter(|port| *port != 0).ok_or(NO_HOST);
    let port = port.map(number).transpose()?;
    Ok((host.to_owned(), port))
}

fn credentials(userinfo: &str) -> Result<(String, SecretString), &'static str> {
    match userinfo.split_once(':') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() => {
            Ok((redact::percent_decode(user), redact::percent_decode(password).into()))
        }
        _ => Err("before the @ stand a user and a password: smtp://USER:PASSWORD@HOST"),
    }
}

fn security(url: &UrlParts<'_>, host: &str) -> Result<SmtpSecurity, &'static str> {
    let parameters: Vec<_> = url.query.pairs().collect();
    match (url.scheme, parameters.as_slice()) {
        ("smtps", []) => Ok(SmtpSecurity::Tls),
        ("smtps", _) => Err("smtps:// takes no parameters: it is TLS from the first byte"),
        // What does not leave the machine needs no protection, and a relay there rarely has a certificate.
        (_, []) if redact::is_local(host) => Ok(SmtpSecurity::None),
        (_, [] | [("tls", "required")]) => Ok(SmtpSecurity::StartTls),
        (_, [("tls", "none")]) => Ok(SmtpSecurity::None),
        _ => Err("the one parameter is tls, with the values required and none"),
    }
}

/// Whether a text is a mail address: `ops@example.com`.
pub(crate) fn is_address(text: &str) -> bool {
    let Some((user, domain)) = text.split_once('@') else { return false };
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b))
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    user.len() <= 64 && user.split('.').all(is_atom) && domain.len() <= 253 && domain.split('.').all(is_label)
}

/// The addresses in a text with commas between them; `None` when one of them is none.
pub(crate) fn addresses(text: &str) -> Option<Vec<String>> {
    let all = text.split(',').map(str::trim);
    all.map(|address| is_address(address).then(|| address.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_way_is_protected_unless_it_stays_on_this_machine() {
        for (url, host, port, security) in [
            ("smtp://mail.example.com", "mail.example.com", 587, SmtpSecurity::StartTls),
            ("smtp://mail.example.com:2525/", "mail.example.com", 2525, SmtpSecurity::StartTls),
            ("smtps://mail.example.com", "mail.example.com", 465, SmtpSecurity::Tls),
            ("smtps://localhost:4650", "localhost", 4650, SmtpSecurity::Tls),
            ("smtp://localhost", "localhost", 25, SmtpSecurity::None),
            ("smtp://127.0.0.1:1025", "127.0.0.1", 1025, SmtpSecurity::None),
            ("smtp://[::1]:1025", "::1", 1025, SmtpSecurity::None),
            ("smtp://localhost?tls=required", "localhost", 587, SmtpSecurity::StartTls),
            ("smtp://mail.example.com?tls=none", "mail.example.com", 25, SmtpSecurity::None),
        ] {
            let server = parse(url).expect(url);
            assert_eq!((server.host.as_str(), server.port, server.security), (host, port, security), "{url}");
            assert!(server.credentials.is_none(), "{url}");
        }
    }

    #[test]
    fn a_password_is_decoded_and_never_travels_readable() {
        let server = parse("smtp://ops%40example.com:p%40ss%3Aword@mail.example.com").expect("a server");
        let (user, password) = server.credentials.expect("credentials");
        assert_eq!((user.as_str(), password.expose_secret()), ("ops@example.com", "p@ss:word"));
        assert!(parse("smtp://u:hidden@localhost").is_ok(), "it stays on this machine");
        for url in [
            "smtp://u:hidden@mail.example.com?tls=none",
            "smtp://hidden@mail.example.com",
            "smtp://u:@mail.example.com",
            "smtp://u:hid@den/x@mail.example.com",
            "smtp://u:hidden@",
            "smtp://u:hidden@a,b",
            "smtp://u:hidden@mail.example.com:0",
            "smtp://u:hidden@mail.example.com:70000",
            "smtp://u:hidden@mail.example.com/inbox",
            "smtp://u:hidden@mail.example.com?tls=maybe",
            "smtps://u:hidden@mail.example.com?tls=none",
            "http://u:hidden@mail.example.com",
            "u:hidden@mail.example.com",
            "smtp://u:hid den@mail.example.com",
        ] {
            let why = parse(url).expect_err(url);
            assert!(!why.contains("hid"), "{url}: {why}");
        }
    }

    #[test]
    fn addresses_are_told_from_what_is_none() {
        let two = addresses("ops@example.com, first.last+alerts@localhost").expect("two");
        assert_eq!(two, ["ops@example.com", "first.last+alerts@localhost"]);
        for text in [
            "",
            "ops",
            "ops@",
            "@h",
            "a@b@c",
            "a b@h",
            "a@h,",
            ".a@h",
            "Ops <ops@h>",
            "a@-h",
            "a@h\r\nBcc: b@h",
        ] {
            assert!(addresses(text).is_none(), "{text:?}");
        }
    }
}
