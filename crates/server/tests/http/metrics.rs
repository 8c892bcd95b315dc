//! `GET /metrics` and `GET /api/v1/metrics/summary`.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use taskward_server::telemetry::metrics::{Shown, all};

use crate::support::{Backend, TestServer, text, within};

on_every_database! {
    both: requests_by_route_with_the_bounds_of_the_objectives, tasks_by_outcome, statements_of_the_store, every_metric_is_in_the_reference_and_promtool_has_no_complaint, queues_and_workers_as_they_stand, what_is_pending_and_pooled, the_summary_of_what_happened
}

/// The sum of a metric's values over all lines that carry these labels.
async fn value(server: &TestServer, name: &str, labels: &[&str]) -> f64 {
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let matching = |line: &str| {
        let (have, value) = match line.strip_prefix(name)?.strip_prefix('{') {
            Some(rest) => rest.split_once("} ")?,
            None => ("", line.strip_prefix(name)?.strip_prefix(' ')?),
        };
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
    let path = format!("/api/v1/tasks/{}/cancel", text(&tasks[4]["id"]));
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
    let before = value(&server, "taskward_store_statements_total", &[]).await;
    server.create(&json!({"kind": "k", "queue": "statements"})).await;
    let after = value(&server, "taskward_store_statements_total", &[]).await;
    assert!(after > before, "a creation takes a statement at least");
}

/// Everything that is counted once it has happened.
async fn everything_happens(server: &TestServer) {
    let demand = json!({"worker_id": "w", "queues": ["every"], "wait": "20s", "lease": "30s"});
    let error = json!({"error": {"type": "E", "message": "m"}, "retryable": false});
    for (verb, fields) in [
        ("heartbeat", json!({})),
        ("complete", json!({})),
        ("release", json!({})),
        ("snooze", json!({"delay": "1h"})),
        ("fail", error),
    ] {
        server.create(&json!({"kind": "k", "queue": "every", "priority": 1})).await;
        let task = server.claim(&demand).await.remove(0);
        server.report(&task, verb, fields).await.ok(200);
        if verb == "fail" {
            server.post_empty(&format!("/api/v1/tasks/{}/retry", text(&task["id"]))).await.ok(200);
        }
    }
    let lost = server.create(&json!({"kind": "k", "queue": "lost"})).await["id"].clone();
    let demand = json!({"worker_id": "w", "queues": ["lost"], "wait": "20s", "lease": "100ms"});
    for _ in 0..3 {
        server.claim(&demand).await;
    }
    server.finished(&lost).await;
}

/// The names of everything that has a value, without the suffixes of histograms.
fn exposed(text: &str) -> BTreeSet<&str> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, _)| name).collect()
}

async fn every_metric_is_in_the_reference_and_promtool_has_no_complaint(backend: Backend) {
    let server = backend.serve().await;
    everything_happens(&server).await;
    // The loop that looks at queues has done so.
    let begun = server.faults.begun("queues");
    server.faults.reached("queues", begun + 1).await;
    value_above(&server, "taskward_queue_tasks", &["queue=\"every\""], 0.0).await;

    let text = server.get("/metrics").await.text();
    let exposed = exposed(&text);
    let described: BTreeSet<&str> = all().map(|metric| metric.name).collect();
    assert!(exposed.is_subset(&described), "undescribed: {:?}", exposed.difference(&described));
    // What depends on the machine, or on trouble, may be absent; the rest must have been seen.
    let promised =
        all().filter(|metric| !matches!(metric.shown, Shown::Where(_)) && metric.name != GENERATION);
    let missing: Vec<&str> =
        promised.map(|metric| metric.name).filter(|name| !exposed.contains(name)).collect();
    assert!(missing.is_empty(), "described, and not there: {missing:?}");

    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool, of Debian's package prometheus; scripts/setup.sh test installs it");
    promtool.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    let said = promtool.wait_with_output().expect("ended");
    let complaints = [said.stdout, said.stderr].concat();
    let complaints = String::from_utf8_lossy(&complaints);
    assert!(said.status.success() && complaints.is_empty(), "{complaints}\n{text}");
}

/// Set by the binary, which knows of configurations.
const GENERATION: &str = "taskward_config_generation";

/// Waits until a metric is above a value.
async fn value_above(server: &TestServer, name: &str, labels: &[&str], bound: f64) -> f64 {
    within(name, async {
        loop {
            let value = value(server, name, labels).await;
            if value > bound {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

async fn queues_and_workers_as_they_stand(backend: Backend) {
    let server = backend.serve().await;
    let queue = format!("standing {}", backend.name());
    let label = format!("queue=\"{queue}\"");
    let body = json!({"kind": "k", "queue": queue});
    for _ in 0..3 {
        server.create(&body).await;
    }
    server.create(&json!({"kind": "k", "queue": queue, "delay": "1h"})).await;
    server.claim(&json!({"worker_id": "a", "queues": [queue]})).await;
    value_above(&server, "taskward_queue_tasks", &[&label, "state=\"running\""], 0.0).await;
    for (state, tasks) in [("available", 2.0), ("running", 1.0), ("scheduled", 1.0)] {
        let state = format!("state=\"{state}\"");
        assert_eq!(value(&server, "taskward_queue_tasks", &[&label, &state]).await, tasks, "{state}");
    }
    assert!(value(&server, "taskward_queue_oldest_ready_age_seconds", &[&label]).await > 0.0);
    assert_eq!(value(&server, "taskward_queue_paused", &[&label]).await, 0.0);
    assert_eq!(value(&server, "taskward_workers_waiting", &[&label]).await, 0.0);
    assert_eq!(value(&server, "taskward_workers_active", &[&label]).await, 1.0);
    let wait = value(&server, "taskward_task_wait_seconds_count", &[&label]).await;
    assert_eq!(wait, 1.0);

    let empty = format!("empty {}", backend.name());
    let label = format!("queue=\"{empty}\"");
    let demand = json!({"worker_id": "b", "queues": [empty, queue], "kinds": ["none"], "wait": "20s"});
    let waits = async {
        assert_eq!(value_above(&server, "taskward_workers_waiting", &[&label], 0.0).await, 1.0);
        assert_eq!(value(&server, "taskward_workers_active", &[&label]).await, 1.0);
        assert_eq!(value(&server, "taskward_workers_seen", &[]).await, 2.0);
        server.create(&json!({"kind": "none", "queue": empty})).await;
    };
    let (tasks, ()) = tokio::join!(server.claim(&demand), waits);
    assert_eq!(tasks.len(), 1);
    assert_eq!(value(&server, "taskward_workers_waiting", &[&label]).await, 0.0);
}

async fn what_is_pending_and_pooled(backend: Backend) {
    let server = backend.serve().await;
    assert_eq!(value(&server, "taskward_engine_pending_items_max", &[]).await, 50_000.0);
    assert_eq!(value(&server, "taskward_engine_pending_items", &[]).await, 0.0);
    assert_eq!(value(&server, "taskward_store_pool_connections_max", &[]).await, 4.0);
    assert_eq!(value(&server, "taskward_mode", &["mode=\"normal\""]).await, 1.0);
    assert_eq!(value(&server, "taskward_mode", &["mode=\"draining\""]).await, 0.0);
    server.faults.hold("enqueue");
    // Two transactions in flight, and what comes then waits for them.
    let task = json!({"kind": "k"});
    let creations = futures_util::future::join_all((0..3).map(|_| server.create(&task)));
    let watch = async {
        server.faults.reached("enqueue", 1).await;
        assert_eq!(value_above(&server, "taskward_engine_pending_items", &[], 2.0).await, 3.0);
        assert!(value(&server, "taskward_engine_pending_bytes", &[]).await > 0.0);
        let waiting = value(&server, "taskward_engine_waiting_items", &["verb=\"enqueue\""]).await;
        assert!(waiting <= 1.0, "{waiting}");
        server.faults.let_go("enqueue");
    };
    tokio::join!(creations, watch);
    assert_eq!(value(&server, "taskward_engine_pending_items", &[]).await, 0.0);
    let commits = ["verb=\"enqueue\""];
    assert!(value(&server, "taskward_engine_commit_duration_seconds_count", &commits).await >= 1.0);
    assert!(value(&server, "taskward_store_pool_acquired_total", &[]).await > 0.0);
}

const SUMMARY: &str = "/api/v1/metrics/summary?window=1m";

async fn the_summary_of_what_happened(backend: Backend) {
    let server = backend.serve().await;
    assert_eq!(server.get(SUMMARY).await.ok(200)["window"], "60s");
    server.get("/api/v1/metrics/summary?window=1s").await.problem("validation_failed");
    everything_happens(&server).await;
    let summary = within("a sample with everything", async {
        loop {
            let summary = server.get(SUMMARY).await.ok(200);
            if summary["tasks"]["dead"].as_u64() >= Some(2) && !summary["tasks"]["in_flight"].is_null() {
                return summary;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let number = |group: &str, name: &str| {
        summary[group][name].as_f64().unwrap_or_else(|| panic!("{name}: {summary}"))
    };
    assert!(number("requests", "answered") >= 10.0 && number("requests", "per_second") > 0.0);
    assert!(number("requests", "latency_p50_seconds") <= number("requests", "latency_p99_seconds"));
    assert_eq!((number("requests", "error_ratio"), number("requests", "availability")), (0.0, 1.0));
    assert!((0.0..1.0).contains(&number("tasks", "success_ratio")), "{summary}");
    assert!(number("tasks", "duration_mean_seconds") > 0.0 && number("tasks", "retries") >= 1.0);
    assert!(number("tasks", "oldest_ready_age_seconds") >= 0.0 && number("tasks", "wait_p95_seconds") > 0.0);
    assert!(number("system", "process_memory_bytes") > 0.0 && number("system", "data_disk_ratio") > 0.0);
    assert_eq!(summary["cache"], json!({"lookups": null, "hit_ratio": null}));
    assert_eq!(summary["system"]["log_disk_ratio"], Value::Null);
}
