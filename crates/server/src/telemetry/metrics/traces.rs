//! Spans, where requests are traced. Recorded in `telemetry/traces`.

use super::description::Metric;

pub(super) const METRICS: &[Metric] = &[
    Metric::counter("taskward_trace_spans_exported_total", &[], "Spans that the receiver of traces took")
        .shown_where("requests are traced, and a span was sent"),
    Metric::counter(
        "taskward_trace_spans_dropped_total",
        &["reason"],
        "Spans that were not sent: too many waited (queue_full), sending failed (failed), the receiver did not want \
         them (rejected), or the service had ended (ended)",
    )
    .shown_where("requests are traced, and a span was dropped"),
];
