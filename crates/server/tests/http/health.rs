//! `/health`, `/health/live` and `/health/ready`.

use serde_json::json;

use crate::support::Backend;
use crate::support::{Fault, keys};

on_every_database! {
    both: a_healthy_service
}

async fn a_healthy_service(backend: Backend) {
    let server = backend.serve().await;
    assert_eq!(server.get("/health/live").await.ok(200), json!({"status": "ok"}));
    assert_eq!(server.get("/health/ready").await.ok(200), json!({"status": "ok"}));
    let health = server.get("/health").await.ok(200);
    let latency = &health["checks"][0]["latency_ms"];
    assert_eq!(
        health,
        json!({
            "status": "ok", "version": env!("CARGO_PKG_VERSION"), "env": "dev", "instance": "one",
            "mode": "normal", "uptime_seconds": health["uptime_seconds"],
            "checks": [{"name": "database", "status": "ok", "latency_ms": latency, "message": null}]
        })
    );
    assert!(latency.as_f64().is_some_and(|latency| latency >= 0.0) && health["uptime_seconds"].is_f64());
}

#[tokio::test]
async fn an_unreachable_database_is_told_without_its_secrets() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    server.faults.fail("ping", Fault::Unavailable);
    let answer = server.get("/health").await;
    let health = answer.ok(503);
    assert_eq!(health["status"], "unavailable");
    assert_eq!(health["checks"][0]["status"], "fail");
    assert_eq!(health["checks"][0]["message"], "the database is unavailable");
    let ready = server.get("/health/ready").await.ok(503);
    assert_eq!(keys(&ready), ["message", "status"]);
    assert_eq!(ready["status"], "unavailable");
    // Live never touches the database: it does not wait for it.
    server.faults.hold("ping");
    server.get("/health/live").await.ok(200);
    server.faults.let_go("ping");
    server.faults.heal();
    server.get("/health/ready").await.ok(200);
}

#[tokio::test]
async fn a_database_that_hangs_does_not_hang_the_probe() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    server.faults.hold("ping");
    let started = tokio::time::Instant::now();
    let (full, ready) = tokio::join!(server.get("/health"), server.get("/health/ready"));
    assert_eq!((full.status, ready.status), (503, 503));
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}
