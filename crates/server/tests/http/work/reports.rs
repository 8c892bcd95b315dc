//! `POST /api/v1/tasks/{id}/complete`, `/fail`, `/snooze` and `/release`.

use serde_json::{Value, json};

use crate::support::{Backend, TestServer, keys, millis_between, never_polls, text};

on_every_database! {
    both: complete_keeps_the_result, a_failed_attempt_is_tried_again_later, the_last_attempt_and_the_hopeless_one_are_dead, snooze_and_release_use_no_attempt, a_release_wakes_a_waiting_worker, a_report_counts_once
}

async fn claimed(server: &TestServer, body: &Value) -> Value {
    server.create(body).await;
    server.claim_one().await
}

async fn complete_keeps_the_result(backend: Backend) {
    let server = backend.serve().await;
    for result in
        [json!({"result": {"a": [1.0, "\u{0}"]}}), json!({"result": null}), json!({}), json!({"result": ""})]
    {
        let task = claimed(&server, &json!({"kind": "k"})).await;
        let settled = server.report(&task, "complete", result.clone()).await.ok(200);
        assert_eq!(settled, json!({"id": task["id"], "state": "completed"}));
        let done = server.finished(&task["id"]).await;
        assert_eq!(done["result"], result["result"]);
        assert!(done.get("lease_expires_at").is_none(), "{done}");
    }
    let large = "r".repeat(256 * 1024 - 2);
    let task = claimed(&server, &json!({"kind": "k"})).await;
    server.report(&task, "complete", json!({"result": large})).await.ok(200);
    assert_eq!(server.finished(&task["id"]).await["result"], large);
}

async fn a_failed_attempt_is_tried_again_later(backend: Backend) {
    let server = backend.serve().await;
    let body =
        json!({"kind": "k", "max_attempts": 3, "retry": {"initial": "100s", "factor": 3, "jitter": 0}});
    let task = claimed(&server, &body).await;
    let error = json!({"type": "ConnectionError", "message": "refused", "trace": "at line 1"});
    let settled = server.report(&task, "fail", json!({"error": error})).await.ok(200);
    assert_eq!(settled, json!({"id": task["id"], "state": "scheduled"}));
    let waiting = server.task(&task["id"]).await;
    assert_eq!((&waiting["state"], &waiting["attempt"]), (&json!("scheduled"), &json!(1)));
    let at = &waiting["errors"][0]["at"];
    assert_eq!(
        waiting["errors"],
        json!([{"attempt": 1, "at": at, "type": "ConnectionError", "message": "refused",
            "trace": "at line 1", "worker_id": "w1"}])
    );
    let wait = millis_between(at, &waiting["run_at"]);
    assert!((99_900..=100_100).contains(&wait), "{wait} ms");

    let soon = claimed(&server, &json!({"kind": "k"})).await;
    let again = json!({"error": {"type": "E", "message": ""}, "retry_after": "0s", "retryable": true});
    server.report(&soon, "fail", again).await.ok(200);
    let second = server.claim_one().await;
    assert_eq!((&second["id"], &second["attempt"]), (&soon["id"], &json!(2)));
    assert_eq!(keys(&second["errors"][0]), ["at", "attempt", "message", "type", "worker_id"]);
}

async fn the_last_attempt_and_the_hopeless_one_are_dead(backend: Backend) {
    let server = backend.serve().await;
    let error = json!({"type": "E", "message": "m\u{0}m"});
    let last = claimed(&server, &json!({"kind": "k", "max_attempts": 1})).await;
    let settled = server.report(&last, "fail", json!({"error": error})).await.ok(200);
    assert_eq!(settled["state"], "dead");
    let dead = server.finished(&last["id"]).await;
    assert_eq!(dead["dead_reason"], "attempts_exhausted");
    assert_eq!(dead["errors"][0]["message"], "m\u{fffd}m", "no database stores NUL as text");

    let hopeless = claimed(&server, &json!({"kind": "k"})).await;
    // Long texts are cut at a character, since refusing a failure would lose it.
    let long = json!({"type": "E", "message": "ü".repeat(5_000), "trace": "t".repeat(20_000)});
    server.report(&hopeless, "fail", json!({"error": long, "retryable": false})).await.ok(200);
    let dead = server.finished(&hopeless["id"]).await;
    assert_eq!(dead["dead_reason"], "not_retryable");
    assert_eq!(dead["errors"][0]["message"], "ü".repeat(2_048));
    assert_eq!(text(&dead["errors"][0]["trace"]).len(), 16 * 1024);
}

async fn snooze_and_release_use_no_attempt(backend: Backend) {
    let server = backend.serve().await;
    let task = claimed(&server, &json!({"kind": "k", "max_attempts": 1})).await;
    let released = server.report(&task, "release", json!({})).await.ok(200);
    assert_eq!(released, json!({"id": task["id"], "state": "available"}));
    let again = server.claim_one().await;
    assert_eq!((&again["id"], &again["attempt"]), (&task["id"], &json!(1)));
    assert_ne!(again["lease_token"], task["lease_token"]);

    let snoozed = server.report(&again, "snooze", json!({"delay": "5m"})).await.ok(200);
    assert_eq!(snoozed, json!({"id": task["id"], "state": "scheduled"}));
    let waiting = server.task(&task["id"]).await;
    assert_eq!((&waiting["attempt"], &waiting["errors"]), (&json!(0), &json!([])));
    assert!(millis_between(&again["started_at"], &waiting["run_at"]) >= 300_000, "{waiting}");
    assert!(server.claim(&json!({"worker_id": "w", "queues": ["default"]})).await.is_empty());

    let brief = claimed(&server, &json!({"kind": "k"})).await;
    server.report(&brief, "snooze", json!({"delay": "0s"})).await.ok(200);
    assert_eq!(server.claim_one().await["id"], brief["id"]);
}

async fn a_release_wakes_a_waiting_worker(backend: Backend) {
    let server = backend.serve_with(never_polls).await;
    let task = claimed(&server, &json!({"kind": "k"})).await;
    let claims = server.faults.begun("claim");
    let releasing = async {
        server.faults.reached("claim", claims + 1).await;
        server.report(&task, "release", json!({})).await.ok(200)
    };
    let (again, _) = tokio::join!(server.claim_one(), releasing);
    assert_eq!(again["id"], task["id"]);
}

async fn a_report_counts_once(backend: Backend) {
    let server = backend.serve().await;
    for (verb, fields) in [
        ("complete", json!({"result": 1})),
        ("fail", json!({"error": {"type": "E", "message": "m"}, "retry_after": "1h"})),
        ("snooze", json!({"delay": "1h"})),
        ("release", json!({})),
    ] {
        let task = claimed(&server, &json!({"kind": "k"})).await;
        let first = server.report(&task, verb, fields.clone()).await.ok(200);
        let now = async || (server.task(&task["id"]).await, server.queue("default").await["totals"].clone());
        let after = now().await;
        let again = server.report(&task, verb, fields).await.ok(200);
        assert_eq!(again, first, "the same report again is answered the same");
        let other = if verb == "complete" { ("release", json!({})) } else { ("complete", json!({})) };
        server.report(&task, other.0, other.1).await.problem("lease_lost");
        server.report(&task, "heartbeat", json!({})).await.problem("lease_lost");
        assert_eq!(now().await, after);
    }
}
