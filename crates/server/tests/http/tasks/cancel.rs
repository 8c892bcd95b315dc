//! `POST /api/v1/tasks/{id}/cancel`.

use serde_json::{Value, json};

use crate::support::Backend;
use crate::support::{Answer, TestServer, text};

on_every_database! {
    both: a_waiting_task_is_cancelled_at_once, a_running_task_is_asked_to_stop
}

async fn cancel(server: &TestServer, id: &Value) -> Answer {
    server.post_empty(&format!("/api/v1/tasks/{}/cancel", text(id))).await
}

async fn a_waiting_task_is_cancelled_at_once(backend: Backend) {
    let server = backend.serve().await;
    for body in [json!({"kind": "k"}), json!({"kind": "k", "delay": "1h"})] {
        let id = server.create(&body).await["id"].clone();
        let cancelled = cancel(&server, &id).await.ok(200);
        assert_eq!(cancelled["state"], "cancelled");
        assert!(cancelled["finished_at"].is_string());
        assert_eq!(server.finished(&id).await, cancelled);
        let again = cancel(&server, &id).await.problem("invalid_state");
        assert!(text(&again["detail"]).contains("cancelled"), "{again}");
    }
    assert!(server.claim(&json!({"worker_id": "w", "queues": ["default"]})).await.is_empty());
    let totals = &server.queue("default").await["totals"];
    assert_eq!(totals, &json!({"created": 2, "completed": 0, "cancelled": 2, "dead": 0}));
}

async fn a_running_task_is_asked_to_stop(backend: Backend) {
    let server = backend.serve().await;
    for (verb, fields, state) in [
        ("fail", json!({"error": {"type": "Cancelled", "message": "stopped"}}), "cancelled"),
        ("snooze", json!({"delay": "1h"}), "cancelled"),
        ("release", json!({}), "cancelled"),
        ("complete", json!({"result": 1}), "completed"),
    ] {
        let id = server.create(&json!({"kind": "k"})).await["id"].clone();
        let claimed = server.claim_one().await;
        let quiet = server.report(&claimed, "heartbeat", json!({})).await.ok(200);
        assert_eq!(quiet["cancel_requested"], false);
        for _ in 0..2 {
            let asked = cancel(&server, &id).await.ok(200);
            assert_eq!((&asked["state"], &asked["cancel_requested"]), (&json!("running"), &json!(true)));
        }
        let told = server.report(&claimed, "heartbeat", json!({})).await.ok(200);
        assert_eq!(told["cancel_requested"], true);
        let settled = server.report(&claimed, verb, fields).await.ok(200);
        assert_eq!(settled, json!({"id": id, "state": state}));
        assert_eq!(server.finished(&id).await["state"], state);
        cancel(&server, &id).await.problem("invalid_state");
    }
}
