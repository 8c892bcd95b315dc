//! What SIGTERM does: no new work, what is in flight finished, nothing lost.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::Backend;
use crate::support::{Raw, request_text, text};

on_every_database! {
    both: a_drain_under_load_loses_nothing, a_slow_request_is_finished_after_the_port_is_closed
}

const JSON: [(&str, &[u8]); 1] = [("content-type", b"application/json")];

/// A creation in two parts, of which the first has been sent.
async fn half_sent(address: std::net::SocketAddr) -> (Raw, Vec<u8>) {
    let mut request = request_text("POST", "/api/v1/tasks", &JSON, b"{\"kind\":\"slow\",\"queue\":\"slow\"}");
    let rest = request.split_off(request.len() - 10);
    let mut slow = Raw::connect(address).await;
    slow.send(&request).await;
    (slow, rest)
}

async fn a_drain_under_load_loses_nothing(backend: Backend) {
    let notice = Duration::from_secs(3);
    let mut server = backend.serve_with(|settings| settings.drain_notice = notice).await;
    let id = server.create(&json!({"kind": "k", "queue": "q"})).await["id"].clone();
    let held = server.claim(&json!({"worker_id": "w", "queues": ["q"]})).await.pop().expect("a task");
    let (mut slow, rest) = half_sent(server.address).await;
    let mut parked = Raw::connect(server.address).await;
    let demand = json!({"worker_id": "w", "queues": ["q"], "wait": "60s"}).to_string();
    let (claims, reads) = (server.faults.begun("claim"), server.faults.begun("get"));
    parked.send(&request_text("POST", "/api/v1/claim", &JSON, demand.as_bytes())).await;
    let mut waiting = Raw::connect(server.address).await;
    let path = format!("/api/v1/tasks/{}?wait=60s", text(&id));
    waiting.send(&request_text("GET", &path, &[], b"")).await;
    server.faults.reached("claim", claims + 1).await;
    server.faults.reached("get", reads + 1).await;

    server.begin_drain();
    assert_eq!(parked.answer().await.status, 204, "who waits for tasks goes home");
    let answer = waiting.answer().await;
    assert_eq!(answer.ok(200)["state"], "running", "who waits for a task learns how it stands");
    let refused = server.post("/api/v1/claim", &json!({"worker_id": "w", "queues": ["q"]})).await;
    refused.problem("draining");
    assert_eq!(refused.header("retry-after"), "1");
    let health = server.get("/health").await.ok(503);
    assert_eq!((&health["mode"], &health["status"]), (&json!("draining"), &json!("unavailable")));
    assert_eq!(server.get("/health/ready").await.ok(503)["message"], "draining");
    server.get("/health/live").await.ok(200);
    // Workers report what they hold; clients that have not noticed yet are served.
    server.report(&held, "complete", json!({})).await.ok(200);
    server.create(&json!({"kind": "k", "queue": "late"})).await;
    slow.send(&rest).await;
    assert_eq!(slow.answer().await.ok(201)["kind"], "slow");

    let address = server.address;
    let server = server.restart().await;
    TcpListener::bind(address).await.expect("the port is free");
    assert_eq!(server.task(&id).await["state"], "completed");
    assert_eq!(server.queue("late").await["depth"]["available"], 1);
    assert_eq!(server.queue("slow").await["depth"]["available"], 1);
}

async fn a_slow_request_is_finished_after_the_port_is_closed(backend: Backend) {
    let mut server = backend.serve().await;
    server.faults.hold("enqueue");
    let mut writing = Raw::connect(server.address).await;
    let body = b"{\"kind\":\"k\",\"queue\":\"slow\"}";
    writing.send(&request_text("POST", "/api/v1/tasks", &JSON, body)).await;
    server.faults.reached("enqueue", 1).await;
    server.begin_drain();
    // The port is free as soon as the drain has begun, while requests are still in flight.
    let address = server.address;
    let bound = crate::support::within("the port", async {
        loop {
            if let Ok(listener) = TcpListener::bind(address).await {
                return listener;
            }
            tokio::task::yield_now().await;
        }
    });
    drop(bound.await);
    server.faults.let_go("enqueue");
    let created = writing.answer().await.ok(201);
    let again = server.restart().await;
    assert_eq!(again.task(&created["id"]).await["queue"], "slow");
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let backend = Backend::Sqlite;
    let mut server = backend.serve_with(|settings| settings.drain_timeout = Duration::from_millis(400)).await;
    let (slow, _) = half_sent(server.address).await;
    // An answered request proves that the half one has been accepted before it.
    server.get("/health/live").await.ok(200);
    let (address, started) = (server.address, Instant::now());
    server.begin_drain();
    server.ended().await.expect_err("timed out");
    assert!((400..3_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    TcpListener::bind(address).await.expect("the port is free");
    drop(slow);
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_a_drain() {
    let mut server = Backend::Sqlite.serve().await;
    let mut used = Raw::connect(server.address).await;
    used.send(b"GET /health/live HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert_eq!(used.answer().await.status, 200);
    let started = Instant::now();
    server.begin_drain();
    server.ended().await.expect("drained");
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    assert!(used.rest().await.is_empty());
}

#[tokio::test]
async fn connections_that_never_said_anything_do_not_hold_up_a_drain() {
    let mut server = Backend::Sqlite.serve().await;
    let silent = Raw::connect(server.address).await;
    server.get("/health/live").await.ok(200);
    let started = Instant::now();
    server.begin_drain();
    server.ended().await.expect("drained");
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    assert!(silent.rest().await.is_empty());
}

#[tokio::test]
async fn reports_are_taken_until_the_end() {
    let backend = Backend::Sqlite;
    let mut server = backend.serve().await;
    server.create(&json!({"kind": "k"})).await;
    let task = server.claim_one().await;
    server.faults.hold("settle");
    let mut reporting = Raw::connect(server.address).await;
    let body = json!({"lease_token": task["lease_token"], "result": 7}).to_string();
    let path = format!("/api/v1/tasks/{}/complete", text(&task["id"]));
    reporting.send(&request_text("POST", &path, &JSON, body.as_bytes())).await;
    server.faults.reached("settle", 1).await;
    server.begin_drain();
    server.faults.let_go("settle");
    assert_eq!(reporting.answer().await.ok(200)["state"], "completed");
    let again = server.restart().await;
    assert_eq!(again.task(&task["id"]).await["result"], 7);
}
