//! HTTP itself: what the protocol's own rules say about requests that are no business of a handler.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::time::Instant;

use crate::support::Backend;
use crate::support::{Raw, request_text};

const JSON: [(&str, &[u8]); 1] = [("content-type", b"application/json")];

#[tokio::test]
async fn a_body_that_does_not_arrive_times_out() {
    let backend = Backend::Sqlite;
    let server = backend.serve_with(|settings| settings.request_timeout = Duration::from_millis(300)).await;
    let mut request = request_text("POST", "/api/v1/tasks", &JSON, b"{\"kind\":\"k\"}");
    request.truncate(request.len() - 1);
    let started = Instant::now();
    let mut slow = Raw::connect(server.address).await;
    slow.send(&request).await;
    slow.answer().await.problem("timeout");
    assert!((300..5_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());

    // A head that does not arrive is not worth an answer.
    let mut slower = Raw::connect(server.address).await;
    slower.send(b"POST /api/v1/tasks HTTP/1.1\r\nhost: te").await;
    let rest = String::from_utf8(slower.rest().await).expect("text");
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
    server.get("/api/v1/queues").await.ok(200);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Backend::Sqlite.serve().await;
    let value = "x".repeat(600_000);
    for name in ["x-large", "authorization", "idempotency-key"] {
        let headers: [(&str, &[u8]); 1] = [(name, value.as_bytes())];
        let raw = Raw::connect(server.address).await;
        let answer = raw.exchange(&request_text("GET", "/api/test", &headers, b"")).await;
        assert_eq!(answer.status, 431, "{name}: {}", answer.text());
    }
    server.get("/api/test").await.ok(200);
}

#[tokio::test]
async fn what_is_no_http_gets_400() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    let requests: [&[u8]; 6] = [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /health/live HTTP/9.9\r\n\r\n",
        b"POST /api/v1/tasks HTTP/1.1\r\nhost: t\r\ncontent-length: -1\r\n\r\n",
        b"POST /api/v1/tasks HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"GET /health/live HTTP/1.1\r\nhost: t\r\nbad header\x00: x\r\n\r\n",
    ];
    for request in requests {
        let answer = Raw::connect(server.address).await.exchange(request).await;
        assert_eq!(answer.status, 400, "{}", String::from_utf8_lossy(request));
    }
    server.get("/health/live").await.ok(200);
}

#[tokio::test]
async fn chunked_bodies_have_the_same_limits() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    let head = "POST /api/v1/tasks HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\
        content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let good = format!("{head}6\r\n{{\"kind\r\n6\r\n\":\"k\"}}\r\n0\r\n\r\n");
    Raw::connect(server.address).await.exchange(good.as_bytes()).await.ok(201);
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let large = format!("{head}{}0\r\n\r\n", chunk.repeat(20));
    Raw::connect(server.address).await.exchange(large.as_bytes()).await.problem("payload_too_large");
    let broken = format!("{head}6\r\n{{\"kind\r\nzz\r\n");
    Raw::connect(server.address).await.exchange(broken.as_bytes()).await.problem("invalid_json");
    assert_eq!(server.queue("default").await["totals"]["created"], 1);
}

#[tokio::test]
async fn a_client_may_ask_before_it_sends_a_large_body() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    let head = |length: usize| {
        format!(
            "POST /api/v1/tasks HTTP/1.1\r\nhost: t\r\nconnection: close\r\nexpect: 100-continue\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let mut raw = Raw::connect(server.address).await;
    raw.send(head(12).as_bytes()).await;
    assert_eq!(raw.answer().await.status, 100);
    raw.send(b"{\"kind\":\"k\"}").await;
    raw.answer().await.ok(201);
    // What would be refused need not be sent.
    let mut raw = Raw::connect(server.address).await;
    raw.send(head(1_000_000).as_bytes()).await;
    raw.answer().await.problem("payload_too_large");
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    let answer = server.call(Method::HEAD, "/api/v1/tasks").send().await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let answer = server.call(Method::HEAD, "/api/v1/claim").send().await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn content_types_that_say_the_same() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    let types = [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=UTF-8",
        "application/json; charset=\"utf-8\"",
        "application/json ; profile=x",
    ];
    for content_type in types {
        let call = server.call(Method::POST, "/api/v1/tasks").body(content_type, "{\"kind\":\"k\"}");
        call.send().await.ok(201);
    }
    let call = server.call(Method::POST, "/api/v1/tasks/batch");
    let call = call.body("application/x-ndjson; charset=utf-8", "{\"kind\":\"k\"}\n");
    assert_eq!(call.send().await.ok(200)["results"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        server.queue("default").await["totals"],
        json!({"created": 6, "completed": 0, "cancelled": 0, "dead": 0})
    );
}

#[tokio::test]
async fn many_requests_on_one_connection() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    let mut raw = Raw::connect(server.address).await;
    let one = "POST /api/v1/tasks HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n\
        content-length: 12\r\n\r\n{\"kind\":\"k\"}";
    let bad = "GET /nowhere HTTP/1.1\r\nhost: t\r\n\r\n";
    // Pipelined: a problem does not end the connection.
    raw.send(format!("{one}{bad}{one}").as_bytes()).await;
    raw.answer().await.ok(201);
    raw.answer().await.problem("not_found");
    raw.answer().await.ok(201);
}
