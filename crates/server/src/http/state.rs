//! What handlers share.

use std::sync::Arc;

use opentelemetry_sdk::trace::SdkTracer;
use tokio::time::Instant;

use super::auth::KeyDigest;
use crate::alerts::Alerts;
use crate::dashboard::Dashboard;
use crate::engine::Engine;
use crate::maintenance::Rates;
use crate::mode::StateFile;
use crate::settings::Settings;
use crate::telemetry::history::History;
use crate::telemetry::log::LogControl;
use crate::telemetry::metrics::Collector;

/// The service, as its handlers see it.
pub struct App {
    pub(crate) engine: Engine,
    pub(crate) settings: Settings,
    pub(crate) rates: Rates,
    pub(crate) collector: Arc<Collector>,
    pub(crate) history: History,
    pub(crate) alerts: Alerts,
    pub(crate) log: LogControl,
    pub(crate) state_file: StateFile,
    pub(crate) tracer: Option<SdkTracer>,
    pub(crate) started: Instant,
    pub(crate) key: Option<KeyDigest>,
    pub(crate) dashboard: Dashboard,
    /// The OpenAPI document, made once.
    pub(crate) openapi: String,
}

/// What the service says of itself.
pub struct Telemetry {
    /// The metrics, read when somebody asks.
    pub collector: Arc<Collector>,
    /// The metrics' last hour.
    pub history: History,
    /// The log.
    pub log: LogControl,
    /// What makes spans; nothing where nothing is traced.
    pub tracer: Option<SdkTracer>,
}

impl App {
    /// Puts the parts together.
    pub fn new(
        engine: Engine,
        settings: Settings,
        rates: Rates,
        alerts: Alerts,
        telemetry: Telemetry,
    ) -> Arc<Self> {
        let key = settings.api_key.as_ref().map(KeyDigest::of);
        let openapi = super::openapi().to_json().unwrap_or_default();
        let state_file = StateFile::in_dir(&settings.state_dir);
        let dashboard = Dashboard::new(settings.api_key.as_ref());
        let Telemetry { collector, history, log, tracer } = telemetry;
        Arc::new(Self {
            engine,
            settings,
            rates,
            collector,
            history,
            alerts,
            log,
            state_file,
            tracer,
            started: Instant::now(),
            key,
            dashboard,
            openapi,
        })
    }
}
