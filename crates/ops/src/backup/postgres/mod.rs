//! PostgreSQL's programs, and servers of our own on a copy of somebody's data.

mod program;
mod reading;
mod scratch;
mod server_manifest;
mod unpack;
mod user;

use secrecy::{ExposeSecret, SecretString};
use taskward_config::redact;

pub(super) use program::{Program, Running};
pub(super) use reading::Reading;
pub(super) use scratch::{Scratch, Subject, init};
pub(super) use server_manifest::ServerManifest;
pub(super) use unpack::extract;
pub(super) use user::ServerUser;

/// How programs connect: the URL in their arguments, where everybody can read it, and the password in their
/// environment.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    url: SecretString,
    without_password: String,
    password: Option<SecretString>,
}

impl Connection {
    pub(super) fn new(url: &SecretString) -> Self {
        let (without_password, password) = redact::split_password(url.expose_secret());
        Self { url: url.clone(), without_password, password }
    }

    /// The whole URL, for connections of this process.
    pub(super) fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// The URL that may be seen.
    pub(super) fn without_password(&self) -> &str {
        &self.without_password
    }

    /// The same server with another database.
    pub(super) fn with_database(&self, name: &str) -> Self {
        let other = |url: &str| {
            let (head, query) = url.split_once('?').map_or((url, None), |(head, query)| (head, Some(query)));
            let (scheme, rest) = head.split_once("://").unwrap_or(("postgres", head));
            let authority = rest.split('/').next().unwrap_or_default();
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            format!("{scheme}://{authority}/{name}{query}")
        };
        Self {
            url: other(self.url.expose_secret()).into(),
            without_password: other(&self.without_password),
            password: self.password.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server() {
        for (url, expected) in [
            ("postgres://u:p@h:1/d?sslmode=require", "postgres://u:p@h:1/other?sslmode=require"),
            ("postgres://h", "postgres://h/other"),
            ("postgres:///d?host=/run/x", "postgres:///other?host=/run/x"),
        ] {
            let connection = Connection::new(&url.to_owned().into()).with_database("other");
            assert_eq!(connection.url(), expected);
            assert!(!connection.without_password().contains(":p@"));
        }
    }
}
