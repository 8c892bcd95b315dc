//! The span of a request, and the spans of what it does with tasks, by OpenTelemetry's semantic conventions for HTTP
//! and for messaging. Where nothing is traced, none is made.

use std::borrow::Cow;
use std::time::SystemTime;

use axum::extract::{MatchedPath, Request};
use http::header::{HOST, USER_AGENT};
use http::uri::Authority;
use http::{HeaderMap, StatusCode};
use opentelemetry::trace::{Link, Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use taskward_core::{NewTask, Task, TaskId, TraceContext};

use super::{App, observe};
use crate::engine::{EngineError, EnqueueResult, SettleResult};
use crate::telemetry::traces::{span_context, trace_context};

/// What messages travel through, as far as the conventions go.
const SYSTEM: &str = "taskward";
/// Tasks that one span is linked to.
const LINKS_MAX: usize = 128;
/// Characters of a text that clients choose.
const TEXT_CHARS_MAX: usize = 256;

/// The span of a request, in the context that others are its children in.
pub(super) fn begin(
    tracer: &SdkTracer,
    request: &Request,
    method: &'static str,
    route: Option<&MatchedPath>,
) -> Context {
    let parent = match from_headers(request.headers()) {
        Some(context) => Context::new().with_remote_span_context(span_context(&context)),
        None => Context::new(),
    };
    let known = if method == "other" { "_OTHER" } else { method };
    let mut attributes = vec![
        KeyValue::new("http.request.method", known),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("url.path", cut(request.uri().path())),
    ];
    let verb = if method == "other" { "HTTP" } else { method };
    let name = match route.map(MatchedPath::as_str) {
        Some(route) => {
            attributes.push(KeyValue::new("http.route", route.to_owned()));
            Cow::Owned(format!("{verb} {route}"))
        }
        None => Cow::Borrowed(verb),
    };
    let text = |header| request.headers().get(header).and_then(|value| value.to_str().ok());
    if let Some(host) = text(HOST).and_then(|host| host.parse::<Authority>().ok()) {
        attributes.push(KeyValue::new("server.address", cut(host.host())));
        attributes.extend(host.port_u16().map(|port| KeyValue::new("server.port", i64::from(port))));
    }
    attributes.extend(text(USER_AGENT).map(|agent| KeyValue::new("user_agent.original", cut(agent))));
    let span = tracer.span_builder(name).with_kind(SpanKind::Server).with_attributes(attributes);
    let span = span.start_with_context(tracer, &parent);
    parent.with_span(span)
}

/// The request is answered. By the conventions only the service's own failures are errors of its span.
pub(super) fn answered(request: &Context, status: StatusCode) {
    let span = request.span();
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    if status.is_server_error() {
        span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
        span.set_status(Status::error(""));
    }
    span.end();
}

/// The ids of a request's trace and span, for lines of the log.
pub(super) fn ids(request: &Context) -> (String, String) {
    let span = request.span();
    let context = span.span_context();
    (context.trace_id().to_string(), context.span_id().to_string())
}

/// The sending of tasks. They are given its context, those apart that brought their own: those it is linked to.
/// Spans are large, and most requests have none: hence the box.
pub(crate) fn send(app: &App, tasks: &mut [NewTask]) -> Option<Box<Span>> {
    let (tracer, request) = here(app)?;
    let mut attributes = operation("send", tasks.iter().map(|task| task.queue.as_str()));
    count(&mut attributes, tasks.len());
    let links = links(tasks.iter().filter_map(|task| task.trace_context.as_ref()));
    let span = tracer.span_builder(name("send", &attributes)).with_kind(SpanKind::Producer);
    let span = span.with_attributes(attributes).with_links(links).start_with_context(tracer, &request);
    let context = trace_context(span.span_context());
    for task in tasks.iter_mut().filter(|task| task.trace_context.is_none()) {
        task.trace_context.clone_from(&context);
    }
    Some(Box::new(span))
}

/// What became of sending tasks.
pub(crate) fn sent(span: Option<Box<Span>>, results: &Result<Vec<EnqueueResult>, EngineError>) {
    let Some(mut span) = span else { return };
    match results.as_deref() {
        Ok([Ok(enqueued)]) => span.set_attribute(message_id(enqueued.task.id)),
        Ok([Err(_)]) => failed(&mut span, "refused"),
        Ok(_) => {}
        Err(error) => failed(&mut span, error_type(error)),
    }
}

/// A claim that waits for tasks. It becomes a span if some come.
pub(crate) struct Receiving {
    began: SystemTime,
    worker_id: String,
}

/// A worker asks for tasks.
#[expect(
    clippy::disallowed_methods,
    reason = "spans have the time of this machine, as all of OpenTelemetry's do"
)]
pub(crate) fn receive(app: &App, worker_id: &str) -> Option<Receiving> {
    app.tracer.as_ref().map(|_| Receiving { began: SystemTime::now(), worker_id: worker_id.to_owned() })
}

/// The worker was given tasks.
pub(crate) fn received(app: &App, receiving: Option<Receiving>, tasks: &[Task]) {
    let (Some((tracer, request)), Some(Receiving { began, worker_id })) = (here(app), receiving) else {
        return;
    };
    let mut attributes = operation("receive", tasks.iter().map(|task| task.queue.as_str()));
    attributes.push(KeyValue::new("messaging.client.id", worker_id));
    match tasks {
        [task] => attributes.push(message_id(task.id)),
        tasks => count(&mut attributes, tasks.len()),
    }
    let span = tracer.span_builder(name("receive", &attributes)).with_kind(SpanKind::Client);
    let links = links(tasks.iter().filter_map(|task| task.trace_context.as_ref()));
    let span = span.with_attributes(attributes).with_links(links).with_start_time(began);
    // It ends where it is dropped.
    drop(span.start_with_context(tracer, &request));
}

/// The settling of tasks.
pub(crate) fn settle(app: &App) -> Option<Box<Span>> {
    let (tracer, request) = here(app)?;
    let span = tracer.span_builder("settle").with_kind(SpanKind::Client);
    Some(Box::new(span.with_attributes(operation("settle", [])).start_with_context(tracer, &request)))
}

/// What became of settling tasks. Which queue they are in is known only now.
pub(crate) fn settled(
    span: Option<Box<Span>>,
    ids: &[TaskId],
    results: &Result<Vec<SettleResult>, EngineError>,
) {
    let Some(mut span) = span else { return };
    let results = match results {
        Ok(results) => results,
        Err(error) => return failed(&mut span, error_type(error)),
    };
    let applied = || results.iter().flatten();
    if let Some(queue) = common(applied().map(|settled| settled.queue.as_str())) {
        span.update_name(format!("settle {queue}"));
        span.set_attribute(destination(queue));
    }
    for link in links(applied().filter_map(|settled| settled.trace_context.as_ref())) {
        span.add_link(link.span_context, link.attributes);
    }
    match (ids, results.as_slice()) {
        ([id], [result]) => {
            span.set_attribute(message_id(*id));
            if result.is_err() {
                failed(&mut span, "lease_lost");
            }
        }
        _ => span.set_attribute(message_count(ids.len())),
    }
}

/// What makes spans, and the request that they are part of.
fn here(app: &App) -> Option<(&SdkTracer, Context)> {
    app.tracer.as_ref().zip(observe::trace())
}

/// The context that a request came with. Two of them are none, by the standard.
fn from_headers(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all("traceparent").iter();
    let (parent, None) = (parents.next()?.to_str().ok()?, parents.next()) else { return None };
    let states: Vec<&str> =
        headers.get_all("tracestate").iter().filter_map(|state| state.to_str().ok()).collect();
    TraceContext::parse(parent, (!states.is_empty()).then(|| states.join(",")).as_deref())
}

/// The attributes that each span about tasks has.
fn operation<'a>(operation: &'static str, queues: impl IntoIterator<Item = &'a str>) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("messaging.system", SYSTEM),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.operation.type", operation),
    ];
    attributes.extend(common(queues).map(destination));
    attributes
}

/// The name of a span about tasks: the operation and, where there is one for all of them, the queue.
fn name(operation: &'static str, attributes: &[KeyValue]) -> Cow<'static, str> {
    let queue = attributes.iter().find(|attribute| attribute.key.as_str() == DESTINATION);
    queue.map_or(Cow::Borrowed(operation), |queue| Cow::Owned(format!("{operation} {}", queue.value)))
}

const DESTINATION: &str = "messaging.destination.name";

fn destination(queue: &str) -> KeyValue {
    KeyValue::new(DESTINATION, queue.to_owned())
}

fn message_id(id: TaskId) -> KeyValue {
    KeyValue::new("messaging.message.id", id.to_string())
}

fn message_count(tasks: usize) -> KeyValue {
    KeyValue::new("messaging.batch.message_count", i64::try_from(tasks).unwrap_or(i64::MAX))
}

/// By the conventions a single message has no count.
fn count(attributes: &mut Vec<KeyValue>, tasks: usize) {
    if tasks != 1 {
        attributes.push(message_count(tasks));
    }
}

/// The queue, when it is the same for all.
fn common<'a>(queues: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut queues = queues.into_iter();
    let first = queues.next()?;
    queues.all(|queue| queue == first).then_some(first)
}

fn links<'a>(contexts: impl Iterator<Item = &'a TraceContext>) -> Vec<Link> {
    contexts.take(LINKS_MAX).map(|context| Link::with_context(span_context(context))).collect()
}

fn failed(span: &mut Span, error: &'static str) {
    span.set_attribute(KeyValue::new("error.type", error));
    span.set_status(Status::error(""));
}

fn error_type(error: &EngineError) -> &'static str {
    match error {
        EngineError::Overloaded => "overloaded",
        EngineError::Draining => "draining",
        EngineError::ReadOnly(_) => "read_only",
        EngineError::Store(_) => "database",
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn headers_are_read_as_the_standard_wants_it() {
        let mut headers = HeaderMap::new();
        assert_eq!(from_headers(&headers), None);
        headers.append("traceparent", HeaderValue::from_static(PARENT));
        headers.append("tracestate", HeaderValue::from_static("a=1"));
        headers.append("tracestate", HeaderValue::from_static("b=2"));
        let context = from_headers(&headers).expect("a context");
        assert_eq!((context.traceparent(), context.tracestate()), (PARENT, Some("a=1,b=2")));
        headers.append("traceparent", HeaderValue::from_static(PARENT));
        assert_eq!(from_headers(&headers), None, "which of the two?");
    }

    #[test]
    fn a_span_about_several_queues_names_none() {
        assert_eq!(name("send", &operation("send", ["a", "a"])), "send a");
        assert_eq!(name("send", &operation("send", ["a", "b"])), "send");
        assert_eq!(name("settle", &operation("settle", [])), "settle");
    }
}
