//! Traces: from the request that creates a task to the command that does the work, as a receiver of OTLP sees it.

use std::io::{Read, Write};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::Value;

use crate::support::{Receiver, Run, Server, Span, lines, run, until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
/// What a program has in its environment that was started in a trace of its own.
const OTHER: &str = "00-11111111111111111111111111111111-2222222222222222-01";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

fn traceparent() -> String {
    format!("00-{TRACE}-{CALLER}-01")
}

/// A service that sends its spans there.
fn serve(receiver: &Receiver, more: &[(&str, &str)]) -> Server {
    let url = receiver.url();
    let variables: Vec<_> = [(ENDPOINT, url.as_str())].into_iter().chain(more.iter().copied()).collect();
    Server::start_with(&variables)
}

/// Creates a task of queue `q` in the trace of the test.
#[track_caller]
fn enqueue(server: &Server, more: &[&str]) -> String {
    let words = ["enqueue", "k", "--queue", "q"].into_iter().chain(more.iter().copied());
    let mut command = server.command(words);
    run(command.env("TRACEPARENT", traceparent()).env("TRACESTATE", "vendor=x"))
        .exits(0)
        .stdout
        .trim()
        .to_owned()
}

/// Works off queue `q` in a worker that was itself started in a trace.
#[track_caller]
fn work(server: &Server, endpoint: Option<&str>, script: &str) -> Run {
    let mut worker = server.worker(&["--until-empty"], script);
    worker.env("TRACEPARENT", OTHER).env("TRACESTATE", "of=worker").envs(endpoint.map(|url| (ENDPOINT, url)));
    run(&mut worker).exits(0)
}

/// The bytes of an answer to a request over a connection of its own.
fn http(server: &Server, head: &str, body: &str) -> String {
    let address = server.url().trim_start_matches("http://").to_owned();
    let mut stream = std::net::TcpStream::connect(&address).expect("connected");
    let length = body.len();
    let head = format!("{head}\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}");
    write!(stream, "{head}\r\ncontent-type: application/json\r\n\r\n{body}").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    answer
}

fn metrics(server: &Server) -> String {
    http(server, "GET /metrics HTTP/1.1", "")
}

#[track_caller]
fn assert_attributes(span: &Span, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(span.attributes.get(*name).map(String::as_str), Some(*value), "{name} of {span:#?}");
    }
}

#[test]
fn one_trace_leads_from_the_caller_to_the_command() {
    let receiver = Receiver::start();
    let mut server = serve(
        &receiver,
        &[
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b"),
            ("OTEL_RESOURCE_ATTRIBUTES", "team=tasks"),
            ("OTEL_SERVICE_NAME", "jobs"),
            ("LOG_LEVEL", "DEBUG"),
            ("TASKWARD__LOGGING__FORMAT", "json"),
        ],
    );
    let id = enqueue(&server, &[]);
    work(&server, Some(&receiver.url()), "echo \"$TRACEPARENT $TRACESTATE\"");
    let task = server.task(&id);
    // What the service has to send is sent when it ends.
    server.stop();

    let request = receiver.span(TRACE, "POST /api/v1/tasks");
    assert_eq!((request.kind, request.parent.as_str(), request.failed), (SpanKind::Server, CALLER, false));
    let status = ("http.response.status_code", "201");
    assert_attributes(&request, &[("http.request.method", "POST"), ("http.route", "/api/v1/tasks"), status]);
    assert_attributes(&request, &[("url.path", "/api/v1/tasks"), ("server.address", "127.0.0.1")]);
    assert_eq!(request.resource["service.name"], "jobs");
    assert_eq!(
        (request.resource["team"].as_str(), request.resource["service.version"].is_empty()),
        ("tasks", false)
    );

    let sent = receiver.span(TRACE, "send q");
    assert_eq!((sent.kind, &sent.parent), (SpanKind::Producer, &request.id));
    let message = [
        ("messaging.system", "taskward"),
        ("messaging.destination.name", "q"),
        ("messaging.message.id", &*id),
    ];
    assert_attributes(&sent, &message);
    assert_attributes(&sent, &[("messaging.operation.type", "send")]);
    assert_eq!(task["traceparent"], format!("00-{TRACE}-{}-01", sent.id));
    assert_eq!(task["tracestate"], "vendor=x");

    let processed = receiver.span(TRACE, "process q");
    assert_eq!((processed.kind, &processed.parent, processed.failed), (SpanKind::Consumer, &sent.id, false));
    assert_attributes(&processed, &message);
    assert_attributes(&processed, &[("messaging.operation.type", "process"), ("taskward.task.attempt", "1")]);
    assert_eq!(processed.resource["service.name"], "taskward-worker");
    assert_eq!(task["result"], format!("00-{TRACE}-{}-01 vendor=x", processed.id));

    // A claim and a report are about many tasks: they have traces of their own, and links.
    for name in ["receive q", "settle q"] {
        let linked = |span: &Span| span.links == [(TRACE.to_owned(), sent.id.clone())];
        let span = receiver.spans().into_iter().find(|span| span.name == name && linked(span));
        let span = span.unwrap_or_else(|| panic!("{name} in {:#?}", receiver.spans()));
        assert_eq!(span.kind, SpanKind::Client);
        assert_attributes(&span, &message);
        let operation = name.split(' ').next().expect("a word");
        assert_attributes(&span, &[("messaging.operation.type", operation)]);
        assert!(receiver.spans().iter().any(|parent| parent.id == span.parent), "{span:#?}");
    }
    let heads: Vec<_> = receiver.heads().into_iter().map(|head| head.to_ascii_lowercase()).collect();
    assert!(heads.iter().all(|head| head.starts_with("post /v1/traces http/1.1")), "{heads:?}");
    assert!(heads.iter().any(|head| head.contains("x-tenant: a b\r\n")), "{heads:?}");
    let silent =
        |span: &Span| span.attributes.get("http.route").is_some_and(|route| route.starts_with("/health"));
    assert!(!receiver.spans().iter().any(silent), "probes are not traced");

    let log = lines(&server.path("serve.log"));
    let answered = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|line| {
        line["http.route"] == "/api/v1/tasks" && line["trace.id"] == TRACE && line["span.id"] == *request.id
    });
    assert!(answered.is_some(), "{log:#?}");
}

#[test]
fn a_failed_attempt_is_an_error_of_its_span_and_the_log_names_the_trace() {
    let receiver = Receiver::start();
    let mut server = serve(&receiver, &[("TASKWARD__LOGGING__FORMAT", "json")]);
    enqueue(&server, &[]);
    work(&server, Some(&receiver.url()), "echo a secret of the payload >&2; exit 65");
    server.stop();
    let processed = receiver.span(TRACE, "process q");
    assert!(processed.failed);
    assert_attributes(&processed, &[("error.type", "exit_65"), ("taskward.task.outcome", "failed")]);
    assert!(!format!("{:?}", receiver.spans()).contains("a secret"), "what commands say is not told");
    let dead = |line: &String| {
        line.contains("a task is dead") && line.contains(&format!("\"trace.id\":\"{TRACE}\""))
    };
    assert!(lines(&server.path("serve.log")).iter().any(dead));
}

#[test]
fn a_batch_is_one_span_that_its_tasks_follow_from() {
    let receiver = Receiver::start();
    let mut server = serve(&receiver, &[]);
    std::fs::write(server.path("lines"), "a\nb\nc\n").expect("written");
    let file = server.path("lines").display().to_string();
    enqueue(&server, &["--lines", &file]);
    let tasks = server.json(["task", "list", "--queue", "q"]);
    server.stop();
    let sent = receiver.span(TRACE, "send q");
    assert_attributes(&sent, &[("messaging.batch.message_count", "3")]);
    assert!(!sent.attributes.contains_key("messaging.message.id"));
    let tasks = tasks["tasks"].as_array().expect("tasks");
    let expected = format!("00-{TRACE}-{}-01", sent.id);
    assert!(tasks.len() == 3 && tasks.iter().all(|task| task["traceparent"] == *expected), "{tasks:#?}");
}

#[test]
fn a_task_may_bring_its_own_trace() {
    let receiver = Receiver::start();
    let mut server = serve(&receiver, &[]);
    let body = format!(r#"{{"kind":"k","queue":"q","traceparent":"{OTHER}"}}"#);
    let head = format!("POST /api/v1/tasks HTTP/1.1\r\ntraceparent: {}", traceparent());
    let answer = http(&server, &head, &body);
    assert!(answer.contains(&format!("\"traceparent\":\"{OTHER}\"")), "{answer}");
    server.stop();
    let sent = receiver.span(TRACE, "send q");
    assert_eq!(sent.links, [(OTHER[3..35].to_owned(), OTHER[36..52].to_owned())]);
}

#[test]
fn nothing_is_sent_or_kept_where_tracing_is_off() {
    let server = Server::start();
    let id = enqueue(&server, &[]);
    assert_eq!(server.task(&id).get("traceparent"), None);
    work(&server, None, "echo \"<$TRACEPARENT$TRACESTATE>\"");
    assert_eq!(server.task(&id)["result"], "<>", "nor is the task in the worker's trace");
    assert!(!metrics(&server).contains("taskward_trace_"));
    // What a task is said to belong to is kept all the same.
    let body = format!(r#"{{"kind":"k","queue":"q","traceparent":"{}"}}"#, traceparent());
    http(&server, "POST /api/v1/tasks HTTP/1.1", &body);
    work(&server, None, "echo \"$TRACEPARENT\" > got");
    assert_eq!(lines(&server.path("got")), [traceparent()]);
}

#[test]
fn what_is_not_sampled_is_not_sent_but_passed_on() {
    let receiver = Receiver::start();
    let mut server = serve(&receiver, &[("OTEL_TRACES_SAMPLER_ARG", "0")]);
    let unsampled = server.enqueue(&[]);
    let parent = server.task(&unsampled)["traceparent"].clone();
    assert!(parent.as_str().is_some_and(|parent| parent.ends_with("-00")), "{parent}");
    enqueue(&server, &[]);
    // A worker follows what was decided when the task was created.
    work(&server, Some(&receiver.url()), "true");
    server.stop();
    let spans = receiver.spans();
    assert!(spans.iter().all(|span| span.trace == TRACE), "{spans:#?}");
    receiver.span(TRACE, "send q");
    receiver.span(TRACE, "process q");
}

#[test]
fn a_receiver_that_is_away_costs_spans_and_nothing_else() {
    let nobody =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut server = Server::start_with(&[
        (ENDPOINT, &format!("http://{nobody}")),
        ("TASKWARD__TRACING__TIMEOUT", "100ms"),
    ]);
    let id = enqueue(&server, &[]);
    let dropped = "taskward_trace_spans_dropped_total{reason=\"failed\"}";
    until("spans were dropped", || metrics(&server).contains(dropped));
    server.work("true");
    assert_eq!(server.task(&id)["state"], "completed");
    assert!(!metrics(&server).contains("taskward_trace_spans_exported_total"));
    server.stop();
    let log = lines(&server.path("serve.log"));
    assert_eq!(log.iter().filter(|line| line.contains("spans are not taken")).count(), 1, "{log:#?}");
}

#[test]
fn spans_that_nobody_takes_wait_in_bounds() {
    let receiver = Receiver::that_hangs();
    let mut server = serve(
        &receiver,
        &[("TASKWARD__TRACING__QUEUE_SPANS_MAX", "1"), ("TASKWARD__TRACING__TIMEOUT", "3s")],
    );
    let dropped = "taskward_trace_spans_dropped_total{reason=\"queue_full\"}";
    until("the queue is full", || {
        enqueue(&server, &[]);
        metrics(&server).contains(dropped)
    });
    // The end waits for the receiver, but not for ever.
    server.stop();
    assert!(receiver.spans().is_empty());
}
