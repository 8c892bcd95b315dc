//! Finished spans on their way to the exporter.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use super::export::dropped;

/// Takes spans as they end, on the threads that end them, and never waits.
#[derive(Debug)]
pub(super) struct Queue {
    sender: Sender<SpanData>,
}

impl Queue {
    pub(super) fn new(sender: Sender<SpanData>) -> Self {
        Self { sender }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        match self.sender.try_send(span) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => dropped("queue_full", 1),
            Err(TrySendError::Closed(_)) => dropped("ended", 1),
        }
    }

    /// The exporter sends what there is without being told.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// [`super::Traces::end`] waits for the exporter.
    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}
