//! `POST /api/v1/claim`.

use std::collections::HashSet;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::Backend;
use crate::support::{Raw, TestServer, millis_between, request_text, text};

on_every_database! {
    both: a_claimed_task_and_its_lease, queues_in_strict_order_then_priority_then_age, only_the_kinds_a_worker_can_do, a_waiting_claim_is_woken_at_once, nothing_comes_until_the_end_of_the_wait, workers_that_wait_share_what_comes, a_thousand_tasks_in_one_claim, tasks_claimed_for_a_client_that_hung_up_come_back, a_waiting_client_that_hung_up_takes_nothing;
    postgres: a_task_on_another_instance_wakes_a_claim_here
}

fn payloads(tasks: &[Value]) -> Vec<&str> {
    tasks.iter().map(|task| text(&task["payload"])).collect()
}

async fn create(server: &TestServer, queue: &str, kind: &str, payload: &str, priority: u8) -> Value {
    server.create(&json!({"queue": queue, "kind": kind, "payload": payload, "priority": priority})).await
}

async fn a_claimed_task_and_its_lease(backend: Backend) {
    let server = backend.serve().await;
    let created = server.create(&json!({"kind": "k", "payload": {"a": [1, null]}, "tags": ["t"]})).await;
    let demand = json!({"worker_id": "w1", "queues": ["default"], "max": 5, "lease": "90s"});
    let tasks = server.claim(&demand).await;
    assert_eq!(tasks.len(), 1);
    let task = &tasks[0];
    let mut expected = created.clone();
    for (field, value) in [("state", json!("running")), ("attempt", json!(1)), ("worker_id", json!("w1"))] {
        expected[field] = value;
    }
    for field in ["started_at", "lease_token", "lease_expires_at"] {
        expected[field] = task[field].clone();
    }
    assert_eq!(task, &expected);
    assert!(!text(&task["lease_token"]).is_empty());
    assert_eq!(millis_between(&task["started_at"], &task["lease_expires_at"]), 90_000);
    let nothing = server.post("/api/v1/claim", &demand).await;
    assert_eq!((nothing.status, nothing.body.len()), (204, 0));
    assert_eq!(nothing.header("content-type"), "");
}

async fn queues_in_strict_order_then_priority_then_age(backend: Backend) {
    let server = backend.serve().await;
    for (queue, payload, priority) in [
        ("b", "b1", 1),
        ("a", "a9", 9),
        ("a", "a5 first", 5),
        ("a", "a1", 1),
        ("a", "a5 second", 5),
        ("c", "c", 1),
    ] {
        create(&server, queue, "k", payload, priority).await;
    }
    let demand = |max: u32| json!({"worker_id": "w", "queues": ["a", "b"], "max": max});
    assert_eq!(payloads(&server.claim(&demand(2)).await), ["a1", "a5 first"]);
    assert_eq!(payloads(&server.claim(&demand(10)).await), ["a5 second", "a9", "b1"]);
    assert!(server.claim(&demand(1)).await.is_empty(), "the queue c was not asked for");
    create(&server, "b", "k", "late b", 1).await;
    create(&server, "a", "k", "late a", 9).await;
    assert_eq!(payloads(&server.claim(&demand(1)).await), ["late a"], "the order of the queues comes first");
}

async fn only_the_kinds_a_worker_can_do(backend: Backend) {
    let server = backend.serve().await;
    for kind in ["x", "y", "z"] {
        create(&server, "q", kind, kind, 5).await;
    }
    let demand = |kinds: Value| json!({"worker_id": "w", "queues": ["q"], "kinds": kinds, "max": 9});
    assert!(server.claim(&demand(json!(["none"]))).await.is_empty());
    assert_eq!(payloads(&server.claim(&demand(json!(["z", "y", "none"]))).await), ["y", "z"]);
    assert_eq!(payloads(&server.claim(&demand(json!(null))).await), ["x"]);
    // No kinds are all kinds.
    create(&server, "q", "x", "again", 5).await;
    assert_eq!(payloads(&server.claim(&demand(json!([]))).await), ["again"]);
}

async fn a_waiting_claim_is_woken_at_once(backend: Backend) {
    let server = backend.serve().await;
    let (mut slowest, mut handed_over) = (0, 0);
    for round in 1..=5 {
        let queue = format!("q{round}");
        let asked = server.faults.begun("claim");
        let demand = json!({"worker_id": "w", "queues": [queue], "wait": "20s"});
        let creating = async {
            // The waiting claim has asked once, and found nothing.
            server.faults.claims_ended(asked + 1).await;
            create(&server, &queue, "k", "p", 5).await
        };
        let (claimed, created) = tokio::join!(server.claim(&demand), creating);
        assert_eq!(claimed[0]["id"], created["id"]);
        slowest = slowest.max(millis_between(&created["created_at"], &claimed[0]["started_at"]));
        handed_over += u32::from(server.faults.begun("claim") == asked + 1);
    }
    assert!(slowest < 500, "from creation to claim: up to {slowest} ms");
    // Unless the creation overtakes the answer to the claim, the claim need not ask again.
    assert!(handed_over > 0, "never in the transaction that creates the task");
}

async fn nothing_comes_until_the_end_of_the_wait(backend: Backend) {
    let server = backend.serve().await;
    server.create(&json!({"kind": "k", "queue": "other"})).await;
    let started = Instant::now();
    let demand = json!({"worker_id": "w", "queues": ["q"], "wait": "300ms"});
    assert!(server.claim(&demand).await.is_empty());
    assert!((300..5_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
}

async fn workers_that_wait_share_what_comes(backend: Backend) {
    let server = backend.serve().await;
    let one = |n: u32| {
        let demand = json!({"worker_id": format!("w{n}"), "queues": ["q"], "max": 1, "wait": "20s"});
        let server = &server;
        async move { server.claim(&demand).await.pop().expect("a task") }
    };
    let workers = futures_util::future::join_all((0..20).map(one));
    let creating = async {
        server.faults.reached("claim", 1).await;
        let tasks = vec![json!({"kind": "k", "queue": "q"}); 20];
        server.post("/api/v1/tasks/batch", &json!({"tasks": tasks})).await.ok(200)
    };
    let (tasks, _) = tokio::join!(workers, creating);
    let ids: HashSet<&str> = tasks.iter().map(|task| text(&task["id"])).collect();
    let holders: HashSet<&str> = tasks.iter().map(|task| text(&task["worker_id"])).collect();
    assert_eq!((ids.len(), holders.len()), (20, 20), "each worker has a task of its own");
    assert_eq!(server.queue("q").await["depth"], json!({"scheduled": 0, "available": 0, "running": 20}));
}

async fn a_thousand_tasks_in_one_claim(backend: Backend) {
    let server = backend.serve().await;
    let lines = "{\"kind\":\"k\"}\n".repeat(1_200);
    let call = server.call(http::Method::POST, "/api/v1/tasks/batch").body("application/x-ndjson", lines);
    call.send().await.ok(200);
    let demand = json!({"worker_id": "w", "queues": ["default"], "max": 1000});
    let first = server.claim(&demand).await;
    assert_eq!((first.len(), server.claim(&demand).await.len()), (1_000, 200));
}

async fn a_task_on_another_instance_wakes_a_claim_here(backend: Backend) {
    let server = backend.serve().await;
    let other = server.another().await;
    let waiting = server.claim_one();
    let creating = async {
        server.faults.reached("claim", 1).await;
        other.create(&json!({"kind": "k"})).await
    };
    let (claimed, created) = tokio::join!(waiting, creating);
    assert_eq!(claimed["id"], created["id"]);
    let took = millis_between(&created["created_at"], &claimed["started_at"]);
    assert!(took < 900, "told, not polled: {took} ms");
}

async fn tasks_claimed_for_a_client_that_hung_up_come_back(backend: Backend) {
    let server = backend.serve().await;
    server.create(&json!({"kind": "k", "max_attempts": 1})).await;
    server.faults.hold("claim");
    let body = json!({"worker_id": "gone", "queues": ["default"], "wait": "20s"}).to_string();
    let headers: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
    let mut gone = Raw::connect(server.address).await;
    gone.send(&request_text("POST", "/api/v1/claim", &headers, body.as_bytes())).await;
    server.faults.reached("claim", 1).await;
    drop(gone);
    // The server sees the end of that connection before it answers requests that came later.
    for _ in 0..3 {
        server.get("/health/live").await.ok(200);
    }
    let settles = server.faults.begun("settle");
    server.faults.let_go("claim");
    let task = server.claim_one().await;
    assert_eq!(server.faults.begun("settle"), settles + 1, "given back, not expired");
    assert_eq!((&task["attempt"], &task["crashes"]), (&json!(1), &json!(0)), "no attempt is used");
}

async fn a_waiting_client_that_hung_up_takes_nothing(backend: Backend) {
    let server = backend.serve().await;
    let body = json!({"worker_id": "gone", "queues": ["default"], "wait": "20s"}).to_string();
    let headers: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
    let mut gone = Raw::connect(server.address).await;
    gone.send(&request_text("POST", "/api/v1/claim", &headers, body.as_bytes())).await;
    server.faults.claims_ended(1).await;
    drop(gone);
    for _ in 0..3 {
        server.get("/health/live").await.ok(200);
    }
    server.create(&json!({"kind": "k"})).await;
    assert_eq!(server.claim_one().await["worker_id"], "w1");
    assert_eq!(server.faults.begun("settle"), 0, "nothing had to be given back");
}
