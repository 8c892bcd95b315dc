//! `GET /metrics`.

use serde_json::json;

use crate::support::Backend;
use crate::support::TestServer;

on_every_database! {
    both: requests_by_route_with_the_bounds_of_the_objectives, tasks_by_outcome, statements_of_the_store
}

/// The sum of a metric's values over all lines that carry these labels.
async fn value(server: &TestServer, name: &str, labels: &[&str]) -> f64 {
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let matching = |line: &str| {
        let rest = line.strip_prefix(name)?.strip_prefix('{')?;
        let (have, value) = rest.split_once("} ")?;
        labels
            .iter()
            .all(|label| have.split(',').any(|own| own == *label))
            .then(|| value.parse::<f64>().ok())?
    };
    answer.text().lines().filter_map(matching).sum()
}

async fn requests_by_route_with_the_bounds_of_the_objectives(backend: Backend) {
    let server = backend.serve().await;
    let name = "taskward_http_request_duration_seconds_bucket";
    let route = ["method=\"GET\"", "route=\"/api/v1/tasks/{id}\"", "status=\"404\""];
    let with = |bound: &'static str| [route[0], route[1], route[2], bound];
    let before = value(&server, name, &with("le=\"+Inf\"")).await;
    server.get("/api/v1/tasks/01890a5d-ac96-774b-bcce-b302099a8057").await.problem("not_found");
    for bound in ["le=\"2\"", "le=\"5\"", "le=\"+Inf\""] {
        assert_eq!(value(&server, name, &with(bound)).await - before, 1.0, "{bound}");
    }
    server.get("/no/such/path?with=secrets").await.problem("not_found");
    assert!(value(&server, name, &["route=\"unmatched\"", "le=\"+Inf\""]).await >= 1.0);
    let text = server.get("/metrics").await.text();
    assert!(!text.contains("secrets") && !text.contains("route=\"/health"), "{text}");
    assert!(text.contains("# TYPE taskward_http_request_duration_seconds histogram"), "{text}");
    assert!(text.contains(&format!("taskward_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"))));
}

async fn tasks_by_outcome(backend: Backend) {
    let server = backend.serve().await;
    let queue = format!("metrics {}", backend.name());
    let label = format!("queue=\"{queue}\"");
    let body = json!({"kind": "k", "queue": queue, "max_attempts": 2});
    for _ in 0..5 {
        server.create(&body).await;
    }
    let tasks = server.claim(&json!({"worker_id": "w", "queues": [queue], "max": 5})).await;
    server.report(&tasks[0], "complete", json!({})).await.ok(200);
    server.report(&tasks[0], "complete", json!({})).await.ok(200);
    let error = json!({"type": "E", "message": "m"});
    server.report(&tasks[1], "fail", json!({"error": error, "retryable": false})).await.ok(200);
    server.report(&tasks[2], "fail", json!({"error": error})).await.ok(200);
    server.report(&tasks[3], "snooze", json!({"delay": "1h"})).await.ok(200);
    server.report(&tasks[4], "release", json!({})).await.ok(200);
    let path = format!("/api/v1/tasks/{}/cancel", crate::support::text(&tasks[4]["id"]));
    server.post_empty(&path).await.ok(200);
    for (name, further, expected) in [
        ("taskward_tasks_created_total", None, 5.0),
        ("taskward_tasks_claimed_total", None, 5.0),
        ("taskward_tasks_finished_total", Some("state=\"completed\""), 1.0),
        ("taskward_tasks_finished_total", Some("state=\"dead\""), 1.0),
        ("taskward_tasks_finished_total", Some("state=\"cancelled\""), 1.0),
        ("taskward_attempts_total", Some("outcome=\"completed\""), 1.0),
        ("taskward_attempts_total", Some("outcome=\"failed\""), 2.0),
        ("taskward_attempts_total", Some("outcome=\"snoozed\""), 1.0),
        ("taskward_attempts_total", Some("outcome=\"released\""), 1.0),
        ("taskward_attempt_duration_seconds_count", Some("outcome=\"completed\""), 1.0),
    ] {
        let labels: Vec<&str> = [label.as_str()].into_iter().chain(further).collect();
        assert_eq!(value(&server, name, &labels).await, expected, "{name} {labels:?}");
    }
}

async fn statements_of_the_store(backend: Backend) {
    let server = backend.serve().await;
    let statements = async || -> u64 {
        let text = server.get("/metrics").await.text();
        let line = text.lines().find_map(|line| line.strip_prefix("taskward_store_statements_total "));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no such counter: {text}"))
    };
    let before = statements().await;
    server.create(&json!({"kind": "k", "queue": "statements"})).await;
    assert!(statements().await > before, "a creation takes a statement at least");
}
