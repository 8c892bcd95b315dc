//! TLS, set up only for services that are reached by https.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};

/// Makes sure that there is a provider of cryptography. A program that has chosen one keeps it.
pub(crate) fn ensure_provider() {
    if CryptoProvider::get_default().is_none() {
        // Losing a race against another thread leaves the provider of that thread, which is as good.
        let _ = ring::default_provider().install_default();
    }
}

/// A configuration that trusts nobody, for clients that only speak http: they start without reading the
/// system's certificates, and on systems that have none.
pub(crate) fn without_trust() -> Result<ClientConfig, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(config)
}
