//! `GET /api/v1/tasks/{id}`.

use serde_json::json;

use crate::support::{Backend, never_polls, text};

on_every_database! {
    both: a_task_through_its_life, a_wait_ends_when_the_task_is_finished, at_the_end_of_a_wait_the_task_is_answered_as_it_is;
    postgres: a_task_finished_on_another_instance_ends_the_wait
}

async fn a_task_through_its_life(backend: Backend) {
    let server = backend.serve().await;
    let created = server.create(&json!({"kind": "k", "payload": [1]})).await;
    let id = created["id"].clone();
    let claimed = server.claim_one().await;
    let running = server.task(&id).await;
    assert_eq!((&running["state"], &running["attempt"]), (&json!("running"), &json!(1)));
    assert_eq!((&running["worker_id"], &running["started_at"]), (&json!("w1"), &claimed["started_at"]));
    assert_eq!(running["lease_expires_at"], claimed["lease_expires_at"]);
    assert!(running.get("lease_token").is_none(), "only the holder learns it: {running}");
    server.report(&claimed, "complete", json!({"result": {"sum": 1}})).await.ok(200);
    let done = server.task(&id).await;
    assert_eq!(
        done,
        json!({
            "id": id, "kind": "k", "queue": "default", "payload": [1], "state": "completed", "priority": 5,
            "run_at": created["run_at"], "timeout": "60s", "max_attempts": 10, "retry": created["retry"],
            "unique": null, "tags": [], "metadata": null, "attempt": 1, "crashes": 0, "worker_id": "w1",
            "progress": null, "cancel_requested": false, "result": {"sum": 1}, "errors": [],
            "dead_reason": null, "created_at": created["created_at"], "started_at": running["started_at"],
            "finished_at": done["finished_at"]
        })
    );
}

async fn a_wait_ends_when_the_task_is_finished(backend: Backend) {
    let server = backend.serve_with(never_polls).await;
    let id = server.create(&json!({"kind": "k"})).await["id"].clone();
    let claimed = server.claim_one().await;
    let reads = server.faults.begun("get");
    let waiting = server.finished(&id);
    let completing = async {
        // The waiting request has registered its interest and looked once.
        server.faults.reached("get", reads + 1).await;
        server.report(&claimed, "complete", json!({"result": 5})).await.ok(200)
    };
    let (task, _) = tokio::join!(waiting, completing);
    assert_eq!((&task["state"], &task["result"]), (&json!("completed"), &json!(5)));

    // One that is finished already is answered at once.
    let started = tokio::time::Instant::now();
    assert_eq!(server.finished(&id).await, task);
    assert!(started.elapsed().as_secs() < 5);
}

async fn at_the_end_of_a_wait_the_task_is_answered_as_it_is(backend: Backend) {
    let server = backend.serve().await;
    let id = server.create(&json!({"kind": "k"})).await["id"].clone();
    let started = tokio::time::Instant::now();
    let task = server.get(&format!("/api/v1/tasks/{}?wait=300ms", text(&id))).await.ok(200);
    assert_eq!(task["state"], "available");
    assert!((300..5_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    let missing = "/api/v1/tasks/01890a5d-ac96-774b-bcce-b302099a8057?wait=20s";
    server.get(missing).await.problem("not_found");
    assert!(started.elapsed().as_secs() < 10, "nobody waits for what does not exist");
}

async fn a_task_finished_on_another_instance_ends_the_wait(backend: Backend) {
    let server = backend.serve().await;
    let other = server.another().await;
    let id = server.create(&json!({"kind": "k"})).await["id"].clone();
    let reads = server.faults.begun("get");
    let waiting = server.finished(&id);
    let completing = async {
        server.faults.reached("get", reads + 1).await;
        let claimed = other.claim_one().await;
        other.report(&claimed, "complete", json!({})).await.ok(200)
    };
    let (task, _) = tokio::join!(waiting, completing);
    assert_eq!(task["state"], "completed");
}
