//! `GET /api/v1/workers`.

use serde_json::json;

use crate::support::Backend;
use crate::support::{keys, list, moment};

on_every_database! {
    both: who_claimed_lately_and_what_they_hold
}

async fn who_claimed_lately_and_what_they_hold(backend: Backend) {
    let server = backend.serve().await;
    assert_eq!(server.get("/api/v1/workers").await.ok(200), json!({"workers": []}));
    server.create(&json!({"kind": "k"})).await;
    server.create(&json!({"kind": "k"})).await;
    let busy = json!({"worker_id": "busy", "queues": ["default", "other"], "max": 2});
    let tasks = server.claim(&busy).await;
    assert!(server.claim(&json!({"worker_id": "idle", "queues": ["default"]})).await.is_empty());
    let answer = server.get("/api/v1/workers").await.ok(200);
    let workers = list(&answer["workers"]);
    assert_eq!(workers.len(), 2);
    assert_eq!(keys(&workers[0]), ["instance", "last_seen_at", "queues", "running", "worker_id"]);
    assert_eq!(workers[0]["worker_id"], "busy");
    assert_eq!(workers[0]["queues"], json!(["default", "other"]));
    assert_eq!(workers[0]["instance"], "one");
    assert_eq!(workers[0]["running"], json!([tasks[0]["id"], tasks[1]["id"]]));
    moment(&workers[0]["last_seen_at"]);
    assert_eq!((&workers[1]["worker_id"], &workers[1]["running"]), (&json!("idle"), &json!([])));
    server.report(&tasks[0], "complete", json!({})).await.ok(200);
    let answer = server.get("/api/v1/workers").await.ok(200);
    assert_eq!(answer["workers"][0]["running"], json!([tasks[1]["id"]]));
}
