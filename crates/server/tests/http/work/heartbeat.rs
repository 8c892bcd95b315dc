//! `POST /api/v1/tasks/{id}/heartbeat`.

use serde_json::json;

use crate::support::Backend;
use crate::support::{keys, moment};

on_every_database! {
    both: a_heartbeat_extends_the_lease_and_keeps_the_progress
}

async fn a_heartbeat_extends_the_lease_and_keeps_the_progress(backend: Backend) {
    let server = backend.serve().await;
    server.create(&json!({"kind": "k"})).await;
    let task = server.claim_one().await;
    let beat =
        server.report(&task, "heartbeat", json!({"lease": "2h", "progress": {"done": 3}})).await.ok(200);
    assert_eq!(keys(&beat), ["cancel_requested", "lease_expires_at"]);
    assert_eq!(beat["cancel_requested"], false);
    assert!(moment(&beat["lease_expires_at"]) > moment(&task["lease_expires_at"]));
    let read = server.task(&task["id"]).await;
    assert_eq!(read["lease_expires_at"], beat["lease_expires_at"]);
    assert_eq!(read["progress"], json!({"done": 3}));

    // Left out means as said before, and the default lease is shorter than the one just asked for.
    let shorter = server.report(&task, "heartbeat", json!({})).await.ok(200);
    assert!(moment(&shorter["lease_expires_at"]) < moment(&beat["lease_expires_at"]));
    assert_eq!(server.task(&task["id"]).await["progress"], json!({"done": 3}));
    server.report(&task, "heartbeat", json!({"progress": {}})).await.ok(200);
    assert_eq!(server.task(&task["id"]).await["progress"], json!({}));

    server.report(&task, "complete", json!({})).await.ok(200);
    server.report(&task, "heartbeat", json!({})).await.problem("lease_lost");
    assert_eq!(server.task(&task["id"]).await["progress"], json!({}), "kept with the finished task");
}
