//! `POST /api/v1/tasks`.

use serde_json::json;

use crate::support::Backend;
use crate::support::{millis_between, text};

on_every_database! {
    both: only_a_kind_is_required, every_field_is_kept_as_it_was_given, the_payload_is_passed_through_as_it_came, a_moment_that_has_passed_means_at_once, one_unfinished_task_per_unique_key, the_largest_task_is_taken
}

async fn only_a_kind_is_required(backend: Backend) {
    let server = backend.serve().await;
    let task = server.create(&json!({"kind": "send_email"})).await;
    assert_eq!(text(&task["id"]).as_bytes()[14], b'7', "a UUIDv7: {task}");
    assert_eq!(
        task,
        json!({
            "id": task["id"], "kind": "send_email", "queue": "default", "payload": null,
            "state": "available", "priority": 5, "run_at": task["created_at"], "timeout": "60s",
            "max_attempts": 10, "retry": {"initial": "5s", "factor": 2.0, "max": "1h", "jitter": 0.1},
            "unique": null, "tags": [], "metadata": null, "attempt": 0, "crashes": 0, "worker_id": null,
            "progress": null, "cancel_requested": false, "result": null, "errors": [],
            "dead_reason": null, "created_at": task["created_at"], "started_at": null, "finished_at": null
        })
    );
    assert!(text(&task["created_at"]).ends_with('Z'));
    assert_eq!(server.task(&task["id"]).await, task);
}

async fn every_field_is_kept_as_it_was_given(backend: Backend) {
    let server = backend.serve().await;
    let given = json!({
        "kind": "größe/Überblick 🙂", "queue": "mails", "payload": {"to": ["a", "b"], "n": 1.50, "s": "\u{0}"},
        "priority": 1, "run_at": "2031-05-06T07:08:09.123456Z", "timeout": "90s", "max_attempts": 3,
        "retry": {"initial": "1s", "factor": 1.5, "max": "10m", "jitter": 0.0},
        "unique": {"key": "order 7", "on_conflict": "reject"}, "tags": ["x", "y,{}\"\\"],
        "metadata": {"tenant": "t1"}
    });
    let task = server.create(&given).await;
    for (field, value) in given.as_object().expect("an object") {
        assert_eq!(&task[field], value, "{field}");
    }
    assert_eq!(task["state"], "scheduled");
    assert_eq!(server.task(&task["id"]).await, task);
}

async fn the_payload_is_passed_through_as_it_came(backend: Backend) {
    let server = backend.serve().await;
    for payload in [
        "{\"b\":1,\"a\":2,\"b\":3}",
        "[1.0, 1e3,\n 12345678901234567890123, 1e300, -0]",
        "\"raw text, \\u0000, \\ud83d\\ude42 and ü\"",
        "{\"lease_token\":\"7\"}",
    ] {
        let body = format!("{{\"kind\": \"k\", \"payload\": {payload} }}");
        let answer = server.call(http::Method::POST, "/api/v1/tasks").body("application/json", body);
        let answer = answer.send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert!(answer.text().contains(&format!("\"payload\":{payload},")), "{}", answer.text());
    }
}

async fn a_moment_that_has_passed_means_at_once(backend: Backend) {
    let server = backend.serve().await;
    for past in ["2001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2020-02-29T23:59:60+02:00"] {
        let task = server.create(&json!({"kind": "k", "run_at": past})).await;
        assert_eq!(task["state"], "available");
        assert_eq!(task["run_at"], task["created_at"]);
    }
    let far = server.create(&json!({"kind": "k", "run_at": "9999-12-30T00:00:00Z"})).await;
    assert_eq!((&far["state"], &far["run_at"]), (&json!("scheduled"), &json!("9999-12-30T00:00:00Z")));
    let delayed = server.create(&json!({"kind": "k", "delay": "1h30m"})).await;
    assert_eq!(delayed["state"], "scheduled");
    assert_eq!(millis_between(&delayed["created_at"], &delayed["run_at"]), 5_400_000);
    let now = server.create(&json!({"kind": "k", "delay": "0s"})).await;
    assert_eq!(now["state"], "available");
}

async fn one_unfinished_task_per_unique_key(backend: Backend) {
    let server = backend.serve().await;
    let unique = json!({"kind": "k", "unique": {"key": "a"}});
    let first = server.create(&unique).await;
    assert_eq!(first["unique"], json!({"key": "a", "on_conflict": "return_existing"}));
    assert!(first.get("duplicate").is_none());
    let mut again = server.post("/api/v1/tasks", &unique).await.ok(200);
    assert_eq!(again["duplicate"], true);
    again.as_object_mut().expect("an object").remove("duplicate");
    assert_eq!(again, first);

    let reject = json!({"kind": "k", "unique": {"key": "a", "on_conflict": "reject"}});
    let problem = server.post("/api/v1/tasks", &reject).await.problem("unique_conflict");
    assert!(text(&problem["detail"]).contains(text(&first["id"])), "{problem}");
    for other in [
        json!({"kind": "other", "unique": {"key": "a", "on_conflict": "reject"}}),
        json!({"kind": "k", "queue": "other", "unique": {"key": "a", "on_conflict": "reject"}}),
        json!({"kind": "k", "unique": {"key": "b", "on_conflict": "reject"}}),
    ] {
        server.create(&other).await;
    }
    let path = format!("/api/v1/tasks/{}/cancel", text(&first["id"]));
    server.post_empty(&path).await.ok(200);
    assert_ne!(server.create(&reject).await["id"], first["id"], "the key is free once its task is finished");
}

async fn the_largest_task_is_taken(backend: Backend) {
    let server = backend.serve().await;
    let payload = "x".repeat(256 * 1024 - 2);
    let metadata = json!({"m": "y".repeat(16 * 1024 - 8)});
    let name = "ü".repeat(200);
    let tags: Vec<String> = (0..20).map(|n| format!("{n:0100}")).collect();
    let task = json!({
        "kind": name, "queue": "q".repeat(100), "payload": payload, "metadata": metadata, "tags": tags,
        "unique": {"key": name}, "max_attempts": 1000, "timeout": "7d", "priority": 9, "delay": "366d"
    });
    let created = server.create(&task).await;
    let read = server.task(&created["id"]).await;
    assert_eq!(created, read);
    assert_eq!(read["payload"], task["payload"]);
}
