//! What handlers share.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::Instant;

use super::auth::KeyDigest;
use crate::engine::Engine;
use crate::maintenance::Rates;
use crate::settings::Settings;
use crate::telemetry::log::LogControl;

/// The service, as its handlers see it.
pub struct App {
    pub(crate) engine: Engine,
    pub(crate) settings: Settings,
    pub(crate) rates: Rates,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) log: LogControl,
    pub(crate) started: Instant,
    pub(crate) key: Option<KeyDigest>,
    /// The OpenAPI document, made once.
    pub(crate) openapi: String,
}

impl App {
    /// Puts the parts together.
    pub fn new(
        engine: Engine,
        settings: Settings,
        rates: Rates,
        metrics: PrometheusHandle,
        log: LogControl,
    ) -> Arc<Self> {
        let key = settings.api_key.as_ref().map(KeyDigest::of);
        let openapi = super::openapi().to_json().unwrap_or_default();
        Arc::new(Self { engine, settings, rates, metrics, log, started: Instant::now(), key, openapi })
    }
}
