//! `POST /api/v1/tasks/batch`.

use http::Method;
use serde_json::{Value, json};

use crate::support::Backend;
use crate::support::{Answer, TestServer, keys, list, text};

on_every_database! {
    both: results_come_in_the_order_of_the_tasks, a_bad_task_fails_alone, an_atomic_batch_is_created_wholly_or_not_at_all, ten_thousand_tasks_in_one_request
}

const BATCH: &str = "/api/v1/tasks/batch";

async fn ndjson(server: &TestServer, lines: impl Into<bytes::Bytes>) -> Answer {
    server.call(Method::POST, BATCH).body("application/x-ndjson", lines).send().await
}

/// The kind of each task, in the order of the batch's answer.
async fn kinds(server: &TestServer, answer: &Value) -> Vec<String> {
    assert_eq!(keys(answer), ["results"]);
    let mut kinds = Vec::new();
    for result in list(&answer["results"]) {
        kinds.push(match result.get("id") {
            Some(id) => text(&server.task(id).await["kind"]).to_owned(),
            None => text(&result["error"]["code"]).to_owned(),
        });
    }
    kinds
}

async fn results_come_in_the_order_of_the_tasks(backend: Backend) {
    let server = backend.serve().await;
    let tasks: Vec<Value> =
        (0..20).map(|n| json!({"kind": format!("k{n}"), "priority": 9 - n % 9})).collect();
    let answer = server.post(BATCH, &json!({"tasks": tasks})).await.ok(200);
    let expected: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
    assert_eq!(kinds(&server, &answer).await, expected);
    assert!(list(&answer["results"]).iter().all(|result| keys(result) == ["id"]));

    let lines = "{\"kind\":\"a\"}\r\n\n   \n{\"kind\":\"b\", \"delay\":\"1h\"}\n{\"kind\":\"c\"}";
    assert_eq!(kinds(&server, &ndjson(&server, lines).await.ok(200)).await, ["a", "b", "c"]);
}

async fn a_bad_task_fails_alone(backend: Backend) {
    let server = backend.serve().await;
    server.create(&json!({"kind": "u", "unique": {"key": "taken"}})).await;
    let large = "x".repeat(256 * 1024);
    let reject = json!({"kind": "u", "unique": {"key": "taken", "on_conflict": "reject"}});
    let tasks = json!({"tasks": [
        {"kind": "a"}, {"kind": 5}, {"kind": "b", "priority": 10}, {"kind": "c", "payload": large}, 7, null,
        reject, {"kind": "u", "unique": {"key": "taken"}}, {"kind": "d", "what": 1}, {"kind": "e"}
    ]});
    let answer = server.post(BATCH, &tasks).await.ok(200);
    let (wrong, large) = ("validation_failed", "payload_too_large");
    let expected = ["a", wrong, wrong, large, wrong, wrong, "unique_conflict", "u", wrong, "e"];
    assert_eq!(kinds(&server, &answer).await, expected);
    let results = list(&answer["results"]);
    assert_eq!(keys(&results[1]), ["error"]);
    assert_eq!(keys(&results[1]["error"]), ["code", "detail", "errors"]);
    assert_eq!(results[1]["error"]["errors"][0]["field"], "kind");
    assert_eq!(keys(&results[3]["error"]), ["code", "detail"]);
    assert_eq!(results[7], json!({"id": results[7]["id"], "duplicate": true}));
    assert_eq!(server.queue("default").await["totals"]["created"], 3);

    let lines = b"{\"kind\":\"a\"}\n{\"kind\n\xff\xfe\n{\"kind\":\"b\"} {}\n{\"kind\":\"z\"}\n";
    let answer = ndjson(&server, lines.as_slice()).await.ok(200);
    let broken = "invalid_json";
    assert_eq!(kinds(&server, &answer).await, ["a", broken, broken, broken, "z"]);
}

async fn an_atomic_batch_is_created_wholly_or_not_at_all(backend: Backend) {
    let server = backend.serve().await;
    server.create(&json!({"kind": "u", "unique": {"key": "taken"}})).await;
    let bad = json!({"atomic": true, "tasks": [{"kind": "a"}, {"kind": "b", "retry": {"factor": 0}}]});
    let problem = server.post(BATCH, &bad).await.problem("validation_failed");
    assert_eq!(problem["errors"][0]["field"], "tasks[1].retry.factor", "{problem}");
    let reject = json!({"kind": "u", "unique": {"key": "taken", "on_conflict": "reject"}});
    let taken = json!({"atomic": true, "tasks": [{"kind": "a"}, reject, {"kind": "b"}]});
    let answer = server.post(BATCH, &taken).await;
    assert_eq!((answer.status, &answer.json()["code"]), (409, &json!("unique_conflict")));
    let twice = json!({"kind": "k", "unique": {"key": "new", "on_conflict": "reject"}});
    let answer = server.post(BATCH, &json!({"atomic": true, "tasks": [twice, twice]})).await;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert_eq!(server.queue("default").await["totals"]["created"], 1, "nothing was created");

    let good = json!({"atomic": true, "tasks": [{"kind": "a"}, {"kind": "b", "queue": "other"}]});
    let answer = server.post(BATCH, &good).await.ok(200);
    assert_eq!(kinds(&server, &answer).await, ["a", "b"]);
}

async fn ten_thousand_tasks_in_one_request(backend: Backend) {
    let server = backend.serve().await;
    let lines: String = (0..10_000).map(|n| format!("{{\"kind\":\"k\",\"payload\":{n}}}\n")).collect();
    let answer = ndjson(&server, lines).await.ok(200);
    let results = list(&answer["results"]);
    assert_eq!(results.len(), 10_000);
    let ids: std::collections::HashSet<&str> = results.iter().map(|result| text(&result["id"])).collect();
    assert_eq!(ids.len(), 10_000);
    for n in [0, 999, 1_000, 5_432, 9_999] {
        assert_eq!(server.task(&results[n]["id"]).await["payload"], n);
    }
    assert_eq!(server.queue("default").await["depth"]["available"], 10_000);

    let tasks = vec![json!({"kind": "k"}); 10_000];
    let atomic = server.post(BATCH, &json!({"tasks": tasks, "atomic": true})).await.ok(200);
    assert_eq!(list(&atomic["results"]).len(), 10_000);
    assert_eq!(server.queue("default").await["depth"]["available"], 20_000);
}
