//! Between the context that tasks and headers carry, and the one that spans have.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use taskward_core::TraceContext;

/// A context from elsewhere, as a parent or link of spans. A `tracestate` that the SDK does not take is left out.
pub(crate) fn span_context(context: &TraceContext) -> SpanContext {
    let trace_id = TraceId::from_hex(context.trace_id()).unwrap_or(TraceId::INVALID);
    let span_id = SpanId::from_hex(context.span_id()).unwrap_or(SpanId::INVALID);
    let state = context.tracestate().and_then(|state| state.parse::<TraceState>().ok());
    let sampled = context.flags() & 1 == 1;
    let flags = TraceFlags::default().with_sampled(sampled);
    SpanContext::new(trace_id, span_id, flags, true, state.unwrap_or_default())
}

/// The context of a span, for what follows from it; `None` of a span that is none.
pub(crate) fn trace_context(context: &SpanContext) -> Option<TraceContext> {
    let flags = u8::from(context.is_sampled());
    let traceparent = format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id());
    let state = context.trace_state().header();
    TraceContext::parse(&traceparent, Some(&state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_come_back_as_they_were() {
        for (flags, state) in [("01", None), ("00", Some("a=1,b=2"))] {
            let traceparent = format!("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-{flags}");
            let context = TraceContext::parse(&traceparent, state).expect("a context");
            let there = span_context(&context);
            assert!(there.is_valid() && there.is_remote() && there.is_sampled() == (flags == "01"));
            assert_eq!(trace_context(&there), Some(context));
        }
        assert_eq!(trace_context(&SpanContext::empty_context()), None);
    }
}
