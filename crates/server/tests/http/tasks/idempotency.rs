//! The `Idempotency-Key` header.

use http::Method;
use serde_json::{Value, json};

use crate::support::Backend;
use crate::support::{Answer, TestServer};

on_every_database! {
    both: the_same_key_and_body_answer_the_same_task, a_refused_request_leaves_the_key_unused, a_batch_is_replayed_as_a_whole, many_at_once_make_one_task
}

async fn create(server: &TestServer, path: &str, key: &str, body: &Value) -> Answer {
    server.call(Method::POST, path).header("idempotency-key", key).json(body).send().await
}

const TASKS: &str = "/api/v1/tasks";
const BATCH: &str = "/api/v1/tasks/batch";

async fn the_same_key_and_body_answer_the_same_task(backend: Backend) {
    let server = backend.serve().await;
    let body = json!({"kind": "k", "payload": 1});
    let first = create(&server, TASKS, "key-1", &body).await;
    assert_eq!(first.header("idempotent-replayed"), "");
    let task = first.ok(201);
    for key in ["key-1", "\"key-1\"", " key-1 "] {
        let again = create(&server, TASKS, key, &body).await;
        assert_eq!(again.ok(201)["id"], task["id"], "{key}");
        assert_eq!(again.header("idempotent-replayed"), "true", "{key}");
    }
    assert_eq!(server.queue("default").await["totals"]["created"], 1);

    create(&server, TASKS, "key-1", &json!({"kind": "k", "payload": 2}))
        .await
        .problem("idempotency_key_reused");
    let other = create(&server, TASKS, "key-2", &body).await.ok(201);
    assert_ne!(other["id"], task["id"]);
    // The task is answered as it is now, also after it was finished.
    let claimed = server.claim_one().await;
    assert_eq!(claimed["id"], task["id"]);
    server.report(&claimed, "complete", json!({"result": "r"})).await.ok(200);
    let late = create(&server, TASKS, "key-1", &body).await.ok(201);
    assert_eq!((&late["id"], &late["state"]), (&task["id"], &json!("completed")));
}

async fn a_refused_request_leaves_the_key_unused(backend: Backend) {
    let server = backend.serve().await;
    create(&server, TASKS, "key", &json!({"kind": ""})).await.problem("validation_failed");
    create(&server, TASKS, "key", &json!({"kind": "k"})).await.ok(201);
}

async fn a_batch_is_replayed_as_a_whole(backend: Backend) {
    let server = backend.serve().await;
    // The bad item comes first: keys count the tasks that can be created.
    let batch = json!({"tasks": [{"kind": ""}, {"kind": "a"}, {"kind": "b"}]});
    let first = create(&server, BATCH, "\"b1\"", &batch).await.ok(200);
    let again = create(&server, BATCH, "b1", &batch).await.ok(200);
    assert_eq!(first, again);
    assert_eq!(server.queue("default").await["totals"]["created"], 2);
    let other = json!({"tasks": [{"kind": "a"}]});
    create(&server, BATCH, "b1", &other).await.problem("idempotency_key_reused");
    // Alone and in batches are different requests.
    create(&server, TASKS, "b1", &json!({"kind": "a"})).await.ok(201);
    let atomic = json!({"tasks": [{"kind": "a"}, {"kind": "b"}], "atomic": true});
    let first = create(&server, BATCH, "b2", &atomic).await.ok(200);
    assert_eq!(create(&server, BATCH, "b2", &atomic).await.ok(200), first);
    assert_eq!(server.queue("default").await["totals"]["created"], 5);
}

async fn many_at_once_make_one_task(backend: Backend) {
    let server = backend.serve().await;
    let body = json!({"kind": "k"});
    let calls = (0..20).map(|_| create(&server, TASKS, "same", &body));
    let answers = futures_util::future::join_all(calls).await;
    let mut ids: Vec<Value> = answers.iter().map(|answer| answer.ok(201)["id"].clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(server.queue("default").await["totals"]["created"], 1);
}
