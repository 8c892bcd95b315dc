//! `POST /api/v1/tasks/{id}/retry`.

use serde_json::json;

use crate::support::{Backend, never_polls, text};

on_every_database! {
    both: a_dead_task_starts_afresh, a_retry_wakes_a_waiting_worker_and_respects_unique_keys
}

async fn a_dead_task_starts_afresh(backend: Backend) {
    let server = backend.serve().await;
    let unique = json!({"kind": "k", "unique": {"key": "u", "on_conflict": "reject"}});
    let id = server.create(&unique).await["id"].clone();
    let path = format!("/api/v1/tasks/{}/retry", text(&id));
    server.post_empty(&path).await.problem("invalid_state");
    let first = server.claim_one().await;
    let error = json!({"error": {"type": "Fatal", "message": "no way"}, "retryable": false});
    server.report(&first, "fail", error.clone()).await.ok(200);
    let dead = server.finished(&id).await;
    assert_eq!((&dead["state"], &dead["dead_reason"]), (&json!("dead"), &json!("not_retryable")));

    let back = server.post_empty(&path).await.ok(200);
    assert_eq!(
        (&back["state"], &back["attempt"], &back["crashes"]),
        (&json!("available"), &json!(0), &json!(0))
    );
    assert_eq!((&back["dead_reason"], &back["finished_at"]), (&json!(null), &json!(null)));
    assert_eq!(back["errors"], dead["errors"], "what went wrong before is kept");
    server.post_empty(&path).await.problem("invalid_state");
    let second = server.claim_one().await;
    assert_eq!((&second["id"], &second["attempt"]), (&id, &json!(1)));
    assert_ne!(second["lease_token"], first["lease_token"]);
    server.report(&first, "heartbeat", json!({})).await.problem("lease_lost");
    server.report(&first, "complete", json!({})).await.problem("lease_lost");
    server.report(&second, "complete", json!({})).await.ok(200);
    server.post_empty(&path).await.problem("invalid_state");
    let totals = &server.queue("default").await["totals"];
    assert_eq!(totals, &json!({"created": 1, "completed": 1, "cancelled": 0, "dead": 0}));
}

async fn a_retry_wakes_a_waiting_worker_and_respects_unique_keys(backend: Backend) {
    let server = backend.serve_with(never_polls).await;
    let unique = json!({"kind": "k", "unique": {"key": "u", "on_conflict": "reject"}});
    let id = server.create(&unique).await["id"].clone();
    let path = format!("/api/v1/tasks/{}/retry", text(&id));
    let claimed = server.claim_one().await;
    let error = json!({"error": {"type": "Fatal", "message": "no way"}, "retryable": false});
    server.report(&claimed, "fail", error).await.ok(200);
    let successor = server.create(&unique).await;
    let problem = server.post_empty(&path).await.problem("unique_conflict");
    assert!(text(&problem["detail"]).contains(text(&successor["id"])), "{problem}");
    assert_eq!(server.task(&id).await["state"], "dead");
    server.post_empty(&format!("/api/v1/tasks/{}/cancel", text(&successor["id"]))).await.ok(200);

    let claims = server.faults.begun("claim");
    let waiting = server.claim_one();
    let retrying = async {
        server.faults.reached("claim", claims + 1).await;
        server.post_empty(&path).await.ok(200)
    };
    let (woken, _) = tokio::join!(waiting, retrying);
    assert_eq!(woken["id"], id);
}
