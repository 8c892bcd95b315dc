//! `tracing`: where spans are sent, and how many.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{ms, section};
use crate::pairs;
use crate::schema::Kind;

section! {
    /// Where spans are sent, for whoever follows a request through several services. As long as there is no endpoint
    /// nothing is traced. `taskward worker` reads this section too.
    Tracing = "tracing" {
        /// The base URL of what takes OTLP over HTTP, such as http://127.0.0.1:4318; spans go to `/v1/traces` below it.
        endpoint: Option<SecretString> = Kind::HttpUrl, variable: Some("OTEL_EXPORTER_OTLP_ENDPOINT");
        /// Headers of each request to it: `NAME=VALUE,NAME=VALUE`, the values percent-encoded.
        headers: Option<SecretString> = Kind::Headers, variable: Some("OTEL_EXPORTER_OTLP_HEADERS"),
            secret: Some("tracing_headers");
        /// How long sending one batch may take, with its repetitions; also how long the end of the process waits for
        /// the last one.
        timeout: Duration = Kind::Duration { ms_min: 100, ms_max: ms::MINUTE }, default: "10s";
        /// Which traces are sampled. With `parentbased_…` a span's parent decides, and the rest of the name where
        /// there is none.
        sampler: String = Kind::Choice(&[
            ("parentbased_traceidratio", &[]), ("parentbased_always_on", &[]), ("parentbased_always_off", &[]),
            ("traceidratio", &[]), ("always_on", &[]), ("always_off", &[]),
        ]), default: "parentbased_traceidratio", variable: Some("OTEL_TRACES_SAMPLER");
        /// The share of traces that `traceidratio` samples.
        sample_ratio: f64 = Kind::Ratio, default: "1", variable: Some("OTEL_TRACES_SAMPLER_ARG");
        /// Spans that wait in memory to be sent; what exceeds it is dropped and counted.
        queue_spans_max: usize = Kind::Integer { min: 1, max: 1_000_000 }, default: "8192";
        /// The name of the service in its spans.
        service_name: Option<String> = Kind::Label, variable: Some("OTEL_SERVICE_NAME"),
            unset: "app.name; taskward-worker for `taskward worker`";
        /// What else is said of the service in its spans: `NAME=VALUE,NAME=VALUE`, the values percent-encoded.
        resource_attributes: Option<String> = Kind::Attributes, variable: Some("OTEL_RESOURCE_ATTRIBUTES");
    }
}

/// Which traces are sampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Whether the parent of a span decides, where it has one.
    pub follow_parent: bool,
    /// The share of the others, from 0 to 1.
    pub ratio: f64,
}

impl Tracing {
    /// Which traces are sampled.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        let (follow_parent, root) = match self.sampler.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, self.sampler.as_str()),
        };
        let ratio = match root {
            "always_on" => 1.0,
            "always_off" => 0.0,
            _ => self.sample_ratio,
        };
        Sampling { follow_parent, ratio }
    }

    /// The headers, decoded.
    #[must_use]
    pub fn header_pairs(&self) -> Vec<(String, SecretString)> {
        let headers = self.headers.as_ref().and_then(|headers| pairs::parse(headers.expose_secret()));
        headers.unwrap_or_default().into_iter().map(|(name, value)| (name, value.into())).collect()
    }

    /// The attributes of the service, decoded.
    #[must_use]
    pub fn resource_pairs(&self) -> Vec<(String, String)> {
        self.resource_attributes.as_deref().and_then(pairs::parse).unwrap_or_default()
    }
}
