//! The trace that a task belongs to.

use serde_json::json;

use crate::support::{Backend, list};

on_every_database! {
    both: a_trace_goes_with_the_task_to_its_end, tasks_of_a_batch_have_their_own_traces, a_header_alone_is_nothing_where_nothing_is_traced
}

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

async fn a_trace_goes_with_the_task_to_its_end(backend: Backend) {
    let server = backend.serve().await;
    let created = server.create(&json!({"kind": "k", "traceparent": TRACEPARENT})).await;
    assert_eq!(created["traceparent"], TRACEPARENT);
    assert_eq!(created.get("tracestate"), None);
    let claimed = server.claim_one().await;
    assert_eq!(claimed["traceparent"], TRACEPARENT);
    server.report(&claimed, "complete", json!({})).await.ok(200);
    assert_eq!(server.task(&created["id"]).await["traceparent"], TRACEPARENT);
    let listed = server.get("/api/v1/tasks").await.ok(200);
    assert_eq!(listed["tasks"][0]["traceparent"], TRACEPARENT);
}

async fn tasks_of_a_batch_have_their_own_traces(backend: Backend) {
    let server = backend.serve().await;
    let tasks =
        json!([{"kind": "a"}, {"kind": "b", "traceparent": TRACEPARENT}, {"kind": "c", "traceparent": "x"}]);
    let answer = server.post("/api/v1/tasks/batch", &json!({"tasks": tasks})).await.ok(200);
    let results = list(&answer["results"]);
    assert_eq!(results[2]["error"]["errors"][0]["field"], "traceparent", "{answer}");
    assert_eq!(server.task(&results[0]["id"]).await.get("traceparent"), None);
    assert_eq!(server.task(&results[1]["id"]).await["traceparent"], TRACEPARENT);
}

async fn a_header_alone_is_nothing_where_nothing_is_traced(backend: Backend) {
    let server = backend.serve().await;
    for header in [TRACEPARENT, "nonsense"] {
        let call = server.call(http::Method::POST, "/api/v1/tasks").header("traceparent", header);
        let created = call.json(&json!({"kind": "k"})).send().await.ok(201);
        assert_eq!(created.get("traceparent"), None);
    }
}
