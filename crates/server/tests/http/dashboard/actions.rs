//! Forms: what they do, and whose they must be.

use http::Method;
use serde_json::json;

use super::{act, form_token, html, submit};
use crate::support::{Answer, Backend, TestServer, text};

on_every_database! {
    both: queues_are_paused_and_resumed, tasks_are_cancelled_and_retried, dead_tasks_are_brought_back_by_the_queue
}

#[track_caller]
pub(super) fn goes_on_to(answer: &Answer, location: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, location), "{}", answer.text());
}

async fn queues_are_paused_and_resumed(backend: Backend) {
    let server = backend.serve().await;
    let queue = " a/b&c";
    server.create(&json!({"kind": "k", "queue": queue})).await;
    goes_on_to(&act(&server, "/queues/pause", &[("queue", queue)]).await, "/queues?notice=paused");
    let page = html(&server.get("/queues?notice=paused").await, 200);
    assert!(page.contains("state-paused") && page.contains("gives out none"), "{page}");
    goes_on_to(&act(&server, "/queues/resume", &[("queue", queue)]).await, "/queues?notice=resumed");
    assert!(!server.get("/queues").await.text().contains("state-paused"));
    let nameless = act(&server, "/queues/pause", &[]).await;
    assert!(html(&nameless, 422).contains("must have 1 to 100 characters"));
}

async fn tasks_are_cancelled_and_retried(backend: Backend) {
    let server = backend.serve().await;
    let id = server.create(&json!({"kind": "k"})).await["id"].clone();
    let path = format!("/tasks/{}", text(&id));
    goes_on_to(&act(&server, &format!("{path}/cancel"), &[]).await, &format!("{path}?notice=cancelled"));
    assert_eq!(server.task(&id).await["state"], "cancelled");
    let again = act(&server, &format!("{path}/retry"), &[]).await;
    assert!(html(&again, 409).contains("invalid_state"));

    let id = dead(&server, "default").await;
    let path = format!("/tasks/{id}");
    goes_on_to(&act(&server, &format!("{path}/retry"), &[]).await, &format!("{path}?notice=retried"));
    let page = server.get(&format!("{path}?notice=retried")).await.text();
    assert!(page.contains("The task is available again."), "{page}");

    let running = server.claim_one().await;
    let path = format!("/tasks/{}", text(&running["id"]));
    goes_on_to(&act(&server, &format!("{path}/cancel"), &[]).await, &format!("{path}?notice=stopping"));
    let page = server.get(&path).await.text();
    assert!(page.contains("asked to stop") && !page.contains("Cancel task"), "{page}");
}

/// A task that was given up.
pub(super) async fn dead(server: &TestServer, queue: &str) -> String {
    let id = text(&server.create(&json!({"kind": "k", "queue": queue})).await["id"]).to_owned();
    let demand = json!({"worker_id": "w", "queues": [queue], "wait": "20s"});
    let claimed = server.claim(&demand).await.pop().expect("a task");
    let fields = json!({"error": {"type": "E", "message": "m"}, "retryable": false});
    server.report(&claimed, "fail", fields).await.ok(200);
    id
}

async fn dead_tasks_are_brought_back_by_the_queue(backend: Backend) {
    let server = backend.serve().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(dead(&server, "q").await);
    }
    dead(&server, "other").await;
    let page = html(&server.get("/queues/retry-dead?queue=q").await, 200);
    assert!(page.contains("3 dead tasks") && page.contains("Retry 3 tasks"), "{page}");
    // No more than was confirmed, the newest first.
    let some = act(&server, "/queues/retry-dead", &[("queue", "q"), ("count", "2")]).await;
    goes_on_to(&some, "/queues/retry-dead?queue=q&retried=2&refused=0");
    let states = |queue: &'static str| server.get(queue);
    let left = states("/api/v1/tasks?queue=q&state=dead").await.ok(200);
    assert_eq!(left["tasks"].as_array().map(Vec::len), Some(1));
    assert_eq!(left["tasks"][0]["id"], *ids[0]);
    let page = server.get(some.header("location")).await.text();
    assert!(page.contains("2 tasks were brought back.") && page.contains("1 dead task"), "{page}");
    let none = act(&server, "/queues/retry-dead", &[("queue", "q"), ("count", "x")]).await;
    goes_on_to(&none, "/queues/retry-dead?queue=q&retried=0&refused=0");
    let rest = act(&server, "/queues/retry-dead", &[("queue", "q"), ("count", "1000")]).await;
    goes_on_to(&rest, "/queues/retry-dead?queue=q&retried=1&refused=0");
    let page = server.get("/queues/retry-dead?queue=q").await.text();
    assert!(page.contains("has no dead tasks"), "{page}");
    assert_eq!(server.queue("other").await["totals"]["dead"], 1);
}

#[tokio::test]
async fn forms_of_other_pages_change_nothing() {
    let server = Backend::Sqlite.serve().await;
    server.create(&json!({"kind": "k", "queue": "q"})).await;
    let token = form_token(&server.get("/queues").await.text());
    let fields = [("queue", "q"), ("form_token", &*token)];
    let address = server.address.to_string();
    let origin = format!("http://{address}");
    let post = |fields: &[(&str, &str)]| submit(&server, "/queues/pause", fields);
    let plain = || {
        let body = format!("queue=q&form_token={token}");
        server.call(Method::POST, "/queues/pause").body("application/x-www-form-urlencoded", body)
    };
    for (what, call) in [
        ("another site", post(&fields).header("sec-fetch-site", "cross-site")),
        ("a sibling site", post(&fields).header("sec-fetch-site", "same-site")),
        ("another origin", plain().header("origin", "http://evil.example")),
        ("a hidden origin", plain().header("origin", "null")),
        ("no origin at all", plain()),
        ("no token", post(&[("queue", "q")])),
        ("a wrong token", post(&[("queue", "q"), ("form_token", "0123")])),
    ] {
        let answer = call.send().await;
        assert!(html(&answer, 403).contains("did not come from this page"), "{what}");
        assert_eq!(server.queue("q").await["paused"], false, "{what}");
    }
    let json = server.call(Method::POST, "/queues/pause").header("sec-fetch-site", "same-origin");
    html(&json.json(&json!({"queue": "q"})).send().await, 400);
    let large = "x".repeat(20_000);
    html(&post(&[("queue", "q"), ("form_token", &token), ("more", &large)]).send().await, 400);
    assert_eq!(server.queue("q").await["paused"], false);
    let own = plain().header("origin", &origin).send().await;
    goes_on_to(&own, "/queues?notice=paused");
}
