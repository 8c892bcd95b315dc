//! HTTP requests to whom the configuration names: channels of alerts, the receiver of traces.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};

/// A client for this URL, each request of which may take `timeout`. Its errors do not say the URL, which may be a
/// secret.
pub(crate) fn client(url: &Url, timeout: Duration) -> Result<Client, String> {
    let builder = Client::builder()
        .user_agent(concat!("taskward/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        // A redirection would show the message, and what proves who sent it, to somebody else.
        .redirect(Policy::none());
    let builder = if url.scheme() == "https" {
        ensure_provider();
        builder
    } else {
        builder.tls_backend_preconfigured(without_trust().map_err(|error| error.to_string())?)
    };
    let local =
        url.host_str().is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]");
    let builder = if local { builder.no_proxy() } else { builder };
    builder.build().map_err(without_url)
}

/// What went wrong, without where.
pub(crate) fn without_url(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Makes sure that there is a provider of cryptography. A program that has chosen one keeps it.
fn ensure_provider() {
    if CryptoProvider::get_default().is_none() {
        // Losing a race against another thread leaves the provider of that thread, which is as good.
        let _ = ring::default_provider().install_default();
    }
}

/// For plain HTTP: starts without reading the system's certificates, and on systems that have none.
fn without_trust() -> Result<ClientConfig, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(config)
}
