//! Traces: spans of requests and of what they do with tasks, for a receiver that takes OTLP over HTTP.
//!
//! - Without an endpoint nothing here is started, no span is made and nothing is kept.
//! - A finished span goes into a bounded queue (`queue.rs`), from which batches are sent in the background
//!   (`export.rs`). Nobody waits for the receiver: what does not fit, or is not taken, is dropped and counted.
//! - What is told of a request and of tasks is in `http/trace.rs`.
//!
//! Spans are made with OpenTelemetry's SDK. Its exporter is not used: that one reads environment variables of its
//! own, past the configuration and its origins.

mod context;
mod export;
mod queue;

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use context::{span_context, trace_context};

use export::Exporter;
use queue::Queue;

/// The settings of traces; there are none where nothing is traced.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The base URL of the receiver.
    pub endpoint: SecretString,
    /// Headers of each request to it.
    pub headers: Vec<(String, SecretString)>,
    /// How long sending a batch may take, and how long [`Traces::end`] takes at most.
    pub timeout: Duration,
    /// Whether the parent of a span decides on sampling, where it has one.
    pub follow_parent: bool,
    /// The share of the other traces that is sampled, from 0 to 1.
    pub ratio: f64,
    /// Spans that may wait to be sent.
    pub queue_spans_max: usize,
    /// Who makes the spans: `service.name` and so on.
    pub resource: BTreeMap<String, String>,
}

/// Traces cannot be sent as they were configured to be.
#[derive(Debug, thiserror::Error)]
pub enum TracesRefused {
    /// The endpoint is not a URL that can be asked.
    #[error("the endpoint cannot be used: {0}")]
    Endpoint(String),
    /// A header cannot be sent; the value is not repeated.
    #[error("the header {0:?} cannot be sent")]
    Header(String),
}

/// Traces of this process, until [`Traces::end`].
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    exporter: JoinHandle<()>,
    ending: CancellationToken,
    timeout: Duration,
}

impl Traces {
    /// Begins to take spans, and to send them on the current runtime.
    ///
    /// # Errors
    /// When the endpoint or a header cannot be used. Whether anybody listens there is not asked.
    pub fn start(settings: &TraceSettings) -> Result<Self, TracesRefused> {
        let resource = resource(&settings.resource);
        let ending = CancellationToken::new();
        let (sender, spans) = mpsc::channel(settings.queue_spans_max.max(1));
        let exporter = Exporter::new(settings, &resource)?;
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler(settings))
            .with_resource(resource)
            .with_span_processor(Queue::new(sender))
            .build();
        let exporter = tokio::spawn(exporter.run(spans, ending.clone()));
        Ok(Self { provider, exporter, ending, timeout: settings.timeout })
    }

    /// What makes spans.
    pub fn tracer(&self) -> SdkTracer {
        let scope = InstrumentationScope::builder("taskward").with_version(env!("CARGO_PKG_VERSION"));
        self.provider.tracer_with_scope(scope.build())
    }

    /// The same for libraries, which do not know whose spans they make.
    pub fn boxed_tracer(&self) -> BoxedTracer {
        BoxedTracer::new(Box::new(self.tracer()))
    }

    /// Sends what waits, for as long as sending a batch may take, and takes no more spans.
    pub async fn end(self) {
        self.ending.cancel();
        let stop = self.exporter.abort_handle();
        if tokio::time::timeout(self.timeout, self.exporter).await.is_err() {
            stop.abort();
            tracing::warn!("the last spans could not be sent in time");
        }
    }
}

fn sampler(settings: &TraceSettings) -> Sampler {
    let root = Sampler::TraceIdRatioBased(settings.ratio);
    if settings.follow_parent { Sampler::ParentBased(Box::new(root)) } else { root }
}

fn resource(attributes: &BTreeMap<String, String>) -> Resource {
    let own = attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    Resource::builder_empty().with_detector(Box::new(TelemetryResourceDetector)).with_attributes(own).build()
}
