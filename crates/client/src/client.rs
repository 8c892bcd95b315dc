//! The client itself: where the service is, and the connections to it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use taskward_api::TraceContext;

use crate::{ClientError, ClientOptions, RetryPolicy, tls};

/// A client of one service. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Arc<Url>,
    pub(crate) key: Option<Arc<SecretString>>,
    pub(crate) options: Arc<ClientOptions>,
    /// The trace of all calls, whatever the current one is.
    pub(crate) trace: Option<Arc<TraceContext>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map(|_| "set");
        f.debug_struct("Client").field("url", &self.base.as_str()).field("key", &key).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the service at `url`, with the default options. Connects to nothing yet.
    ///
    /// # Errors
    /// [`ClientError::InvalidUrl`] and [`ClientError::InvalidKey`].
    pub fn new(url: &str, key: Option<SecretString>) -> Result<Self, ClientError> {
        Self::with_options(url, key, ClientOptions::default())
    }

    /// A client with its own options.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_options(
        url: &str,
        key: Option<SecretString>,
        options: ClientOptions,
    ) -> Result<Self, ClientError> {
        let base = parse_base(url)?;
        let http = connections(&base, key.as_ref(), &options)?;
        Ok(Self {
            http,
            base: Arc::new(base),
            key: key.map(Arc::new),
            options: Arc::new(options),
            trace: None,
        })
    }

    /// The same client, over the same connections, with another retry policy.
    #[must_use]
    pub fn with_retry(&self, retry: RetryPolicy) -> Self {
        Self { options: Arc::new(ClientOptions { retry, ..(*self.options).clone() }), ..self.clone() }
    }

    /// The same client, over the same connections, whose calls belong to a trace.
    #[must_use]
    pub fn with_trace(&self, context: TraceContext) -> Self {
        Self { trace: Some(Arc::new(context)), ..self.clone() }
    }

    /// Where the service is, without a trailing slash.
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }
}

/// Reads the URL of a service. What does not belong there may be a secret, so it is not repeated.
fn parse_base(url: &str) -> Result<Url, ClientError> {
    let invalid = |why: &str| Err(ClientError::InvalidUrl(why.to_owned()));
    let Ok(mut base) = Url::parse(url) else {
        return invalid("expected a URL such as http://127.0.0.1:8000");
    };
    if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
        return invalid("expected http://HOST:PORT or https://HOST");
    }
    if !base.username().is_empty() || base.password().is_some() {
        return invalid("it holds a user name or a password; the API key comes from API_KEY or API_KEY_FILE");
    }
    if base.query().is_some() || base.fragment().is_some() {
        return invalid("it has a query or a fragment");
    }
    if !base.path().ends_with('/') {
        let path = format!("{}/", base.path());
        base.set_path(&path);
    }
    Ok(base)
}

fn connections(
    base: &Url,
    key: Option<&SecretString>,
    options: &ClientOptions,
) -> Result<reqwest::Client, ClientError> {
    let failed = |error: &dyn fmt::Display| ClientError::InvalidUrl(format!("no client for it: {error}"));
    let mut builder = ClientBuilder::new()
        .user_agent(&options.user_agent)
        .default_headers(authorization(key)?)
        .connect_timeout(options.connect_timeout)
        .tcp_nodelay(true)
        // The service redirects nowhere; following one would show the key to somebody else.
        .redirect(Policy::none());
    if base.scheme() == "https" {
        tls::ensure_provider();
    } else {
        builder = builder.tls_backend_preconfigured(tls::without_trust().map_err(|error| failed(&error))?);
    }
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| failed(&error))
}

fn authorization(key: Option<&SecretString>) -> Result<HeaderMap, ClientError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose_secret()))
            .map_err(|_| ClientError::InvalidKey)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn is_loopback(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_of_services_only() {
        for (url, shown) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://[::1]:8000/", "http://[::1]:8000"),
            ("http://tasks.internal/prefix", "http://tasks.internal/prefix"),
        ] {
            assert_eq!(Client::new(url, None).expect(url).url(), shown);
        }
        for url in ["", "127.0.0.1:8000", "ftp://h/", "http://", "http://u:hunter2@h/", "http://h/?k=hunter2"]
        {
            let error = Client::new(url, None).expect_err(url);
            assert!(matches!(error, ClientError::InvalidUrl(_)), "{url}: {error}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn https_works_without_any_set_up() {
        Client::new("https://tasks.example.com", None).expect("client");
    }

    #[test]
    fn the_key_is_never_shown() {
        let client = Client::new("http://localhost:1", Some("k3y-value".into())).expect("client");
        assert!(!format!("{client:?}").contains("k3y"));
        let error = Client::new("http://localhost:1", Some("k3y\nvalue".into())).expect_err("a line break");
        assert!(!format!("{error:?} {error}").contains("k3y"));
    }
}
