//! Where this process sends spans, from the configuration; and the trace that it was started in.

use std::collections::BTreeMap;

use taskward_client::TraceContext;
use taskward_config::Tracing;
use taskward_server::telemetry::traces::{TraceSettings, Traces, TracesRefused};

/// Who makes the spans, unless the configuration says otherwise: names of OpenTelemetry's resources.
pub(crate) type Resource = BTreeMap<String, String>;

/// Begins to send spans, if there is somebody to send them to.
pub(crate) fn start(section: &Tracing, who: Resource) -> Result<Option<Traces>, TracesRefused> {
    settings(section, who).map(|settings| Traces::start(&settings)).transpose()
}

fn settings(section: &Tracing, who: Resource) -> Option<TraceSettings> {
    let mut resource = who;
    resource.extend(section.resource_pairs());
    resource.extend(section.service_name.clone().map(|name| ("service.name".to_owned(), name)));
    let sampling = section.sampling();
    Some(TraceSettings {
        endpoint: section.endpoint.clone()?,
        headers: section.header_pairs(),
        timeout: section.timeout,
        follow_parent: sampling.follow_parent,
        ratio: sampling.ratio,
        queue_spans_max: section.queue_spans_max,
        resource,
    })
}

/// The trace that this process was started in, by `TRACEPARENT` and `TRACESTATE`.
pub(crate) fn inherited() -> Option<TraceContext> {
    let traceparent = std::env::var("TRACEPARENT").ok()?;
    TraceContext::parse(&traceparent, std::env::var("TRACESTATE").ok().as_deref())
}
