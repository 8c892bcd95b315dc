//! What pages say, and how they are protected.

use std::sync::Arc;

use http::Method;
use serde_json::json;
use taskward_server::settings::ShownSetting;

use super::{PAGES, html};
use crate::support::{Backend, Fault, TestServer, text};

on_every_database! {
    both: every_page_opens, what_users_made_is_escaped, wrong_filters_are_told_on_the_page, a_task_tells_its_story
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

async fn every_page_opens(backend: Backend) {
    let server = backend.serve().await;
    let task = server.create(&json!({"kind": "greet", "tags": ["t"]})).await;
    let detail = format!("/tasks/{}", text(&task["id"]));
    for path in PAGES.into_iter().chain([&*detail]) {
        let answer = server.get(path).await;
        let page = html(&answer, 200);
        assert_eq!(answer.header("content-security-policy"), POLICY, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{path}: {page}");
        assert_eq!(page.matches("<h1").count(), 1, "{path}: one heading");
        assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (1, 0), "{path}");
        for inline in [" style=", " onclick=", "javascript:", "http://", "https://"] {
            assert!(!page.contains(inline), "{path} has {inline}");
        }
    }
}

/// What a browser loads to show a page.
async fn transferred(server: &TestServer, path: &str) -> usize {
    let page = server.get(path).await;
    let text = page.text();
    let mut bytes = page.body.len();
    for asset in text.split('"').filter(|part| part.starts_with("/assets/")) {
        let asset = server.get(asset).await;
        assert_eq!(asset.status, 200);
        assert!(asset.header("cache-control").contains("immutable"));
        assert_eq!(asset.header("x-content-type-options"), "nosniff");
        bytes += asset.body.len();
    }
    bytes
}

#[tokio::test]
async fn the_overview_is_small_however_many_queues_there_are() {
    let server = Backend::Sqlite.serve().await;
    let tasks: Vec<_> = (0..300).map(|n| json!({"kind": "k", "queue": format!("queue-{n}")})).collect();
    server.post("/api/v1/tasks/batch", &json!({"tasks": tasks})).await.ok(200);
    let bytes = transferred(&server, "/").await;
    assert!((5_000..=100 * 1024).contains(&bytes), "{bytes}");
    let page = server.get("/").await.text();
    assert!(page.contains("The service is well") && page.contains("All 300 queues"), "{page}");
}

async fn what_users_made_is_escaped(backend: Backend) {
    let server = backend.serve().await;
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;";
    let task = server
        .create(&json!({"kind": evil, "queue": evil, "tags": [evil], "payload": {evil: evil},
            "metadata": {"m": evil}, "unique": {"key": evil}}))
        .await;
    let demand = json!({"worker_id": evil, "queues": [evil]});
    let claimed = server.claim(&demand).await.pop().expect("a task");
    let error = json!({"type": evil, "message": evil, "trace": evil});
    let fields = json!({"error": error, "retryable": false});
    server.report(&claimed, "fail", fields).await.ok(200);
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("queue", evil), ("kind", evil), ("tag", evil)])
        .finish();
    let detail = format!("/tasks/{}", text(&task["id"]));
    let (list, retry, wrong) = (
        format!("/tasks?{query}"),
        format!("/queues/retry-dead?{query}"),
        format!("/tasks?state={}&notice={}", query.replace('=', "-"), query),
    );
    for path in ["/", "/queues", "/workers", &*list, &*retry, &*detail, &*wrong] {
        let page = server.get(path).await.text();
        assert!(!page.contains("<script>") && !page.contains("<img"), "{path}: {page}");
        assert!(!page.contains("\"'>"), "{path}: {page}");
        assert!(path == wrong || page.contains("&lt;script&gt;alert(1)"), "{path}: {page}");
    }
}

async fn wrong_filters_are_told_on_the_page(backend: Backend) {
    let server = backend.serve().await;
    for (path, status, words) in [
        ("/tasks?state=asleep", 422, "asleep"),
        ("/tasks?cursor=5", 422, "next_cursor"),
        ("/tasks?queue=%00", 422, "control characters"),
        ("/tasks?limit=0", 422, "between 1 and"),
        ("/tasks?colour=red", 422, "colour"),
        ("/tasks?id=5", 422, "must be a UUID"),
        ("/tasks/5", 422, "must be a UUID"),
        ("/tasks/0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6", 404, "no task with this id"),
        ("/queues/retry-dead?queue=%00", 422, "control characters"),
        ("/queues/retry-dead", 422, "must have 1 to"),
    ] {
        let page = html(&server.get(path).await, status);
        assert!(page.contains("role=\"alert\"") && page.contains(words), "{path}: {page}");
    }
    // A form sends what nobody filled in, too.
    html(&server.get("/tasks?queue=&state=&kind=+&tag=").await, 200);
    let id = server.create(&json!({"kind": "k"})).await["id"].clone();
    let found = server.get(&format!("/tasks?id=+{}+", text(&id))).await;
    assert_eq!((found.status, found.header("location")), (303, &*format!("/tasks/{}", text(&id))));
}

async fn a_task_tells_its_story(backend: Backend) {
    let server = backend.serve().await;
    let task = json!({"kind": "k", "payload": {"amount": 1.50, "b": [1]}, "max_attempts": 2,
        "retry": {"initial": "1ms", "jitter": 0.0}, "tags": ["urgent"]});
    let id = server.create(&task).await["id"].clone();
    for message in ["disk full", "still full"] {
        let claimed = server.claim_one().await;
        let error = json!({"error": {"type": "IOError", "message": message}});
        server.report(&claimed, "fail", error).await.ok(200);
    }
    let page = html(&server.get(&format!("/tasks/{}", text(&id))).await, 200);
    for words in [
        "disk full",
        "still full",
        "IOError",
        "no attempts left",
        "urgent",
        "attempt 1 failed",
        "attempt 2 failed",
        "finished: dead",
        "Retry task",
        "&quot;amount&quot;: 1.5",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("Cancel task") && !page.contains("data-live=\"/live"), "{page}");
    let dead = server.get("/tasks?state=dead&kind=k&tag=urgent&queue=default").await.text();
    assert!(dead.contains(text(&id)), "{dead}");
}

#[tokio::test]
async fn a_database_that_is_away_is_the_first_thing_one_sees() {
    let server = Backend::Sqlite.serve().await;
    for verb in ["ping", "queues", "list", "workers", "get"] {
        server.faults.fail(verb, Fault::Unavailable);
    }
    let page = html(&server.get("/").await, 200);
    assert!(
        page.contains("The service is unavailable") && page.contains("cannot be read right now"),
        "{page}"
    );
    for path in ["/queues", "/workers", "/instances"] {
        assert!(html(&server.get(path).await, 200).contains("database_unavailable"), "{path}");
    }
    assert!(html(&server.get("/tasks").await, 503).contains("database_unavailable"));
}

#[tokio::test]
async fn the_configuration_is_shown_with_origins() {
    let shown = ShownSetting {
        key: "server.port".to_owned(),
        value: "9000".to_owned(),
        origin: "variable <PORT>".to_owned(),
        explicit: true,
        note: Some("a note".to_owned()),
    };
    let server = Backend::Sqlite.serve_with(|settings| settings.configuration = Arc::new([shown])).await;
    let page = html(&server.get("/configuration").await, 200);
    for words in ["server.port", "9000", "variable &lt;PORT&gt;", "(a note)"] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[tokio::test]
async fn pages_speak_the_language_of_the_browser_or_the_chosen_one() {
    let server = Backend::Sqlite.serve().await;
    let get = |accept: &'static str, cookie: &'static str| {
        let call = server.call(Method::GET, "/").header("accept-language", accept);
        call.header("cookie", cookie).send()
    };
    for (accept, cookie, tag, words) in [
        ("zh-CN,zh;q=0.9", "", "zh-CN", "服务正常"),
        ("en", "", "en", "The service is well"),
        ("en", "taskward_language=zh-CN", "zh-CN", "服务正常"),
        ("zh", "taskward_language=en", "en", "The service is well"),
        ("de", "taskward_language=tlh", "en", "The service is well"),
    ] {
        let page = html(&get(accept, cookie).await, 200);
        assert!(
            page.contains(&format!("<html lang=\"{tag}\">")) && page.contains(words),
            "{accept} {cookie}"
        );
    }
    let chosen = super::act(&server, "/language", &[("language", "zh-CN"), ("back", "/tasks?queue=a")]).await;
    assert_eq!((chosen.status, chosen.header("location")), (303, "/tasks?queue=a"));
    assert!(chosen.header("set-cookie").starts_with("taskward_language=zh-CN; Path=/; Max-Age="));
    let astray = super::act(&server, "/language", &[("language", "en"), ("back", "//evil.example/")]).await;
    assert_eq!(astray.header("location"), "/");
}

#[tokio::test]
async fn other_paths_and_methods_are_problems_as_ever() {
    let server = Backend::Sqlite.serve().await;
    server.get("/nowhere").await.problem("not_found");
    server.post_empty("/workers").await.problem("method_not_allowed");
    let answer = server.get("/assets/dashboard.css").await;
    assert_eq!(answer.status, 404, "only under the name of this version");
}
