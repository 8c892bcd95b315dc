//! Traces: which one a call belongs to, and the spans of a worker. Spans are made with OpenTelemetry's API; who
//! exports them is decided by the program.

use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use taskward_api::{Task, TraceContext};

use crate::worker::Outcome;

/// The trace that the calling code is part of: that of OpenTelemetry's current context.
pub(crate) fn current() -> Option<TraceContext> {
    Context::map_current(|context| if context.has_active_span() { of(context) } else { None })
}

/// The trace that a task belongs to, as far as it says so.
pub(crate) fn of_task(task: &Task) -> Option<TraceContext> {
    TraceContext::parse(task.traceparent.as_deref()?, task.tracestate.as_deref())
}

/// A context in which something follows from what happened elsewhere.
pub(crate) fn remote(context: &TraceContext) -> Context {
    let trace_id = TraceId::from_hex(context.trace_id()).unwrap_or(TraceId::INVALID);
    let span_id = SpanId::from_hex(context.span_id()).unwrap_or(SpanId::INVALID);
    let flags = TraceFlags::default().with_sampled(context.flags() & 1 == 1);
    let state = context.tracestate().and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
    Context::new().with_remote_span_context(SpanContext::new(trace_id, span_id, flags, true, state))
}

/// The span of an attempt, in the context that the handler runs in. It follows from the request that created the
/// task, however long ago.
pub(crate) fn process(tracer: &BoxedTracer, task: &Task, worker_id: &str) -> Context {
    let parent = of_task(task).map_or_else(Context::new, |context| remote(&context));
    let attributes = [
        KeyValue::new("messaging.system", "taskward"),
        KeyValue::new("messaging.operation.name", "process"),
        KeyValue::new("messaging.operation.type", "process"),
        KeyValue::new("messaging.destination.name", task.queue.clone()),
        KeyValue::new("messaging.message.id", task.id.to_string()),
        KeyValue::new("messaging.client.id", worker_id.to_owned()),
        KeyValue::new("taskward.task.kind", task.kind.clone()),
        KeyValue::new("taskward.task.attempt", i64::from(task.attempt)),
    ];
    let span = tracer.span_builder(format!("process {}", task.queue)).with_kind(SpanKind::Consumer);
    let span = span.with_attributes(attributes).start_with_context(tracer, &parent);
    parent.with_span(span)
}

/// The attempt has ended; without an outcome its lease was lost. What the error says is not told: it may quote the
/// payload.
pub(crate) fn processed(context: &Context, outcome: Option<&Outcome>) {
    let (name, error) = match outcome {
        Some(Outcome::Completed(_)) => ("completed", None),
        Some(Outcome::Failed { error, .. }) => ("failed", Some(error.kind.clone())),
        Some(Outcome::Snoozed(_)) => ("snoozed", None),
        Some(Outcome::Released) => ("released", None),
        None => ("lost", Some("lease_lost".to_owned())),
    };
    let span = context.span();
    span.set_attribute(KeyValue::new("taskward.task.outcome", name));
    if let Some(error) = error {
        span.set_attribute(KeyValue::new("error.type", error));
        span.set_status(Status::error(""));
    }
    span.end();
}

/// The trace of a context, to be passed on.
pub(crate) fn of(context: &Context) -> Option<TraceContext> {
    let span = context.span();
    let context = span.span_context();
    let flags = u8::from(context.is_sampled());
    let traceparent = format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id());
    TraceContext::parse(&traceparent, Some(&context.trace_state().header()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_come_back_as_they_were_and_nothing_is_current_by_itself() {
        for (flags, state) in [("01", Some("a=1")), ("00", None)] {
            let traceparent = format!("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-{flags}");
            let given = TraceContext::parse(&traceparent, state).expect("a context");
            let there = remote(&given);
            assert_eq!(of(&there), Some(given.clone()));
            assert_eq!(current(), None);
            let attached = there.attach();
            assert_eq!(current(), Some(given));
            drop(attached);
        }
    }
}
