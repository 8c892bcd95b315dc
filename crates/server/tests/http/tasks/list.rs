//! `GET /api/v1/tasks`.

use serde_json::{Value, json};

use crate::support::Backend;
use crate::support::{TestServer, keys, list, text};

on_every_database! {
    both: newest_first_with_filters_and_pages, finished_and_unfinished_tasks_in_one_listing
}

/// The payloads of a listing, all pages of it.
async fn payloads(server: &TestServer, query: &str) -> Vec<i64> {
    let mut payloads = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/api/v1/tasks?{query}{cursor}")).await.ok(200);
        assert_eq!(keys(&page), ["next_cursor", "tasks"]);
        payloads.extend(list(&page["tasks"]).iter().map(|task| task["payload"].as_i64().expect("a number")));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return payloads,
        }
    }
}

/// Ten tasks: those of the queue `a` have even payloads.
async fn ten(server: &TestServer) {
    for n in 0..10 {
        let queue = if n % 2 == 0 { "a" } else { "b" };
        let kind = if n < 5 { "small" } else { "Größe 5+" };
        let tags: &[&str] = if n % 3 == 0 { &["three", "t&t"] } else { &[] };
        server.create(&json!({"kind": kind, "queue": queue, "payload": n, "tags": tags})).await;
    }
}

async fn newest_first_with_filters_and_pages(backend: Backend) {
    let server = backend.serve().await;
    assert_eq!(server.get("/api/v1/tasks").await.ok(200), json!({"tasks": [], "next_cursor": null}));
    ten(&server).await;
    assert_eq!(payloads(&server, "").await, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(payloads(&server, "limit=3").await, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(payloads(&server, "queue=a&limit=2").await, [8, 6, 4, 2, 0]);
    assert_eq!(payloads(&server, "kind=Gr%C3%B6%C3%9Fe+5%2B").await, [9, 8, 7, 6, 5]);
    assert_eq!(payloads(&server, "tag=three").await, [9, 6, 3, 0]);
    assert_eq!(payloads(&server, "tag=t%26t&queue=b&kind=small").await, [3]);
    assert_eq!(payloads(&server, "queue=none").await, [0i64; 0]);
    let page = server.get("/api/v1/tasks?limit=10").await.ok(200);
    assert_eq!((list(&page["tasks"]).len(), &page["next_cursor"]), (10, &Value::Null), "exactly one page");
    // A listing shows what a read shows.
    let newest = &page["tasks"][0];
    assert_eq!(&server.task(&newest["id"]).await, newest);
}

async fn finished_and_unfinished_tasks_in_one_listing(backend: Backend) {
    let server = backend.serve().await;
    ten(&server).await;
    let demand = json!({"worker_id": "w", "queues": ["a"], "max": 3, "wait": "20s"});
    let claimed = server.claim(&demand).await;
    server.report(&claimed[0], "complete", json!({})).await.ok(200);
    let error = json!({"type": "E", "message": "m"});
    server.report(&claimed[1], "fail", json!({"error": error, "retryable": false})).await.ok(200);
    let page = server.get("/api/v1/tasks?queue=b&limit=1").await.ok(200);
    let newest = text(&page["tasks"][0]["id"]);
    server.post_empty(&format!("/api/v1/tasks/{newest}/cancel")).await.ok(200);
    assert_eq!(payloads(&server, "limit=4").await, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(payloads(&server, "state=available&limit=2").await, [8, 7, 6, 5, 3, 1]);
    assert_eq!(payloads(&server, "state=running").await, [4]);
    assert_eq!(payloads(&server, "state=completed").await, [0]);
    assert_eq!(payloads(&server, "state=dead").await, [2]);
    assert_eq!(payloads(&server, "state=cancelled").await, [9]);
    assert_eq!(payloads(&server, "state=scheduled").await, [0i64; 0]);
    let running = server.get("/api/v1/tasks?state=running").await.ok(200);
    assert!(running["tasks"][0].get("lease_token").is_none(), "{running}");
}
