//! Too much at once, and a database that fails.

use http::Method;
use serde_json::{Value, json};
use taskward_testkit::postgres::TempPostgres;

use crate::support::Backend;
use crate::support::{Answer, Fault, INTERNALS, TestServer, list, text};

on_every_database! {
    both: more_than_memory_may_hold_is_refused, a_poisoned_task_fails_alone,
        a_poisoned_task_of_a_batch_fails_alone
}

async fn more_than_memory_may_hold_is_refused(backend: Backend) {
    let server = backend.serve_with(|settings| settings.pending_tasks_max = 2).await;
    server.create(&json!({"kind": "k", "queue": "held"})).await;
    let task = server.claim(&json!({"worker_id": "w", "queues": ["held"]})).await.remove(0);
    server.faults.hold("enqueue");
    let body = json!({"kind": "k"});
    let calls = server.faults.begun("enqueue");
    let overload = async {
        server.faults.reached("enqueue", calls + 2).await;
        let refused = server.post("/api/v1/tasks", &body).await;
        refused.problem("overloaded");
        assert_eq!(refused.header("retry-after"), "1");
        let batch = json!({"tasks": [body, body]});
        server.post("/api/v1/tasks/batch", &batch).await.problem("overloaded");
        server.report(&task, "complete", json!({})).await.problem("overloaded");
        // Reads and claims keep nothing in memory.
        assert_eq!(server.task(&task["id"]).await["state"], "running");
        assert!(server.claim(&json!({"worker_id": "w", "queues": ["none"]})).await.is_empty());
        server.faults.let_go("enqueue");
    };
    let ((first, second), ()) = tokio::join!(fill_both_slots(&server), overload);
    for accepted in [first, second] {
        let id = accepted.ok(201)["id"].clone();
        assert_eq!(server.task(&id).await["state"], "available", "what was accepted is there");
    }
    assert_eq!(server.queue("default").await["totals"]["created"], 2, "what was refused is not");
    server.report(&task, "complete", json!({})).await.ok(200);
    let large = json!({"tasks": vec![json!({"kind": "k"}); 50]});
    let results = server.post("/api/v1/tasks/batch", &large).await.ok(200);
    assert_eq!(list(&results["results"]).len(), 50, "one large request alone is let through");
}

#[tokio::test]
async fn bytes_count_as_well() {
    let backend = Backend::Sqlite;
    let server = backend.serve_with(|settings| settings.pending_bytes_max = 100_000).await;
    server.faults.hold("enqueue");
    let large = json!({"kind": "k", "payload": "x".repeat(90_000)});
    let overload = async {
        server.faults.reached("enqueue", 1).await;
        server.post("/api/v1/tasks", &large).await.problem("overloaded");
        server.faults.let_go("enqueue");
    };
    let (first, ()) = tokio::join!(server.post("/api/v1/tasks", &large), overload);
    first.ok(201);
    server.post("/api/v1/tasks", &large).await.ok(201);
}

async fn a_poisoned_task_fails_alone(backend: Backend) {
    let server = backend.serve().await;
    server.faults.hold("enqueue");
    let (good, poison) = (json!({"kind": "k"}), json!({"kind": "poison"}));
    let sharing = async {
        server.faults.reached("enqueue", 2).await;
        let releasing = async {
            // These requests have been read once later ones are answered.
            for _ in 0..5 {
                server.get("/health/live").await.ok(200);
            }
            server.faults.let_go("enqueue");
        };
        let post = |body| server.post("/api/v1/tasks", body);
        let answers = tokio::join!(post(&good), post(&poison), post(&good), post(&good), releasing);
        [answers.0, answers.1, answers.2, answers.3]
    };
    let (_, [first, poisoned, third, fourth]) = tokio::join!(fill_both_slots(&server), sharing);
    for answer in [first, third, fourth] {
        answer.ok(201);
    }
    let problem = poisoned.problem("internal");
    assert!(!problem.to_string().contains(INTERNALS), "{problem}");
    assert_eq!(server.queue("default").await["totals"]["created"], 5);
    server.create(&good).await;
}

async fn a_poisoned_task_of_a_batch_fails_alone(backend: Backend) {
    let server = backend.serve().await;
    let (good, poison) = (json!({"kind": "k"}), json!({"kind": "poison"}));
    let batch = |atomic: bool| json!({"tasks": [good, poison, good], "atomic": atomic});
    let answer = server.post("/api/v1/tasks/batch", &batch(false)).await.ok(200);
    let results = list(&answer["results"]);
    assert_eq!(results[1]["error"]["code"], "internal");
    assert!(!answer.to_string().contains(INTERNALS), "{answer}");
    for created in [&results[0], &results[2]] {
        assert_eq!(server.task(&created["id"]).await["state"], "available");
    }
    server.post("/api/v1/tasks/batch", &batch(true)).await.problem("internal");
    assert_eq!(server.queue("default").await["totals"]["created"], 2, "all of an atomic batch or none");
}

/// Two creations that wait in the store, so that whatever follows shares the next transaction.
async fn fill_both_slots(server: &TestServer) -> (Answer, Answer) {
    let calls = server.faults.begun("enqueue");
    let second = async {
        server.faults.reached("enqueue", calls + 1).await;
        server.post("/api/v1/tasks", &json!({"kind": "k"})).await
    };
    let body = json!({"kind": "k"});
    tokio::join!(server.post("/api/v1/tasks", &body), second)
}

/// Calls of every kind, each with the verb of the store it needs.
fn calls(task: &Value) -> Vec<(&'static str, Method, String, Value)> {
    let (id, token) = (text(&task["id"]), &task["lease_token"]);
    let of_task = |verb: &str| format!("/api/v1/tasks/{id}{verb}");
    let error = json!({"type": "E", "message": "m"});
    let report = json!({"id": id, "lease_token": token, "outcome": "completed"});
    vec![
        ("enqueue", Method::POST, "/api/v1/tasks".to_owned(), json!({"kind": "k"})),
        ("enqueue", Method::POST, "/api/v1/tasks/batch".to_owned(), json!({"tasks": [{"kind": "k"}]})),
        (
            "enqueue",
            Method::POST,
            "/api/v1/tasks/batch".to_owned(),
            json!({"tasks": [{"kind": "k"}], "atomic": true}),
        ),
        ("list", Method::GET, "/api/v1/tasks".to_owned(), Value::Null),
        ("get", Method::GET, of_task(""), Value::Null),
        ("get", Method::GET, of_task("?wait=5s"), Value::Null),
        ("cancel", Method::POST, of_task("/cancel"), Value::Null),
        ("retry", Method::POST, of_task("/retry"), Value::Null),
        (
            "claim",
            Method::POST,
            "/api/v1/claim".to_owned(),
            json!({"worker_id": "w", "queues": ["q"], "wait": "5s"}),
        ),
        ("heartbeat", Method::POST, of_task("/heartbeat"), json!({"lease_token": token})),
        ("settle", Method::POST, of_task("/complete"), json!({"lease_token": token})),
        ("settle", Method::POST, of_task("/fail"), json!({"lease_token": token, "error": error})),
        ("settle", Method::POST, of_task("/snooze"), json!({"lease_token": token, "delay": "1s"})),
        ("settle", Method::POST, of_task("/release"), json!({"lease_token": token})),
        ("settle", Method::POST, "/api/v1/results".to_owned(), json!({"results": [report]})),
        ("queues", Method::GET, "/api/v1/queues".to_owned(), Value::Null),
        ("queues", Method::GET, "/api/v1/queues/q".to_owned(), Value::Null),
        ("set_paused", Method::POST, "/api/v1/queues/q/pause".to_owned(), Value::Null),
        ("set_paused", Method::POST, "/api/v1/queues/q/resume".to_owned(), Value::Null),
        ("workers", Method::GET, "/api/v1/workers".to_owned(), Value::Null),
    ]
}

#[tokio::test]
async fn a_database_that_fails_is_a_problem_of_every_call() {
    let server = Backend::Sqlite.serve().await;
    server.create(&json!({"kind": "k", "queue": "q"})).await;
    let task = server.claim(&json!({"worker_id": "w", "queues": ["q"]})).await.remove(0);
    for (fault, code) in [
        (Fault::Unavailable, "database_unavailable"),
        (Fault::ReadOnly, "read_only"),
        (Fault::Timeout, "timeout"),
        (Fault::Rejected, "internal"),
    ] {
        for (verb, method, path, body) in calls(&task) {
            server.faults.fail(verb, fault);
            let call = server.call(method, &path);
            let call = if body.is_null() { call } else { call.json(&body) };
            let problem = call.send().await.problem(code);
            assert!(!problem.to_string().contains(INTERNALS), "{path}: {problem}");
            server.faults.heal();
        }
    }
    server.report(&task, "complete", json!({})).await.ok(200);
}

#[tokio::test]
async fn a_claim_that_waits_learns_of_a_failure_and_the_next_works() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    let failing = async {
        server.faults.reached("claim", 1).await;
        server.faults.fail("claim", Fault::Unavailable);
    };
    let demand = json!({"worker_id": "w", "queues": ["q"], "wait": "20s"});
    let (answer, ()) = tokio::join!(server.post("/api/v1/claim", &demand), failing);
    answer.problem("database_unavailable");
    server.faults.heal();
    server.create(&json!({"kind": "k", "queue": "q"})).await;
    assert_eq!(server.claim(&demand).await.len(), 1);
}

/// A request whose transaction the crash cut off may take this long to fail, a connection to come back.
async fn until(server: &TestServer, path: &str, status: u16) {
    crate::support::within(path, async { while server.get(path).await.status != status {} }).await;
}

#[tokio::test]
async fn a_database_that_crashes_and_comes_back() {
    let mut postgres = TempPostgres::start();
    let server = Backend::At(postgres.create_database()).serve().await;
    let kept = server.create(&json!({"kind": "k"})).await["id"].clone();
    let held = server.claim_one().await;
    let waiting = json!({"worker_id": "w", "queues": ["none"], "wait": "20s"});
    let claims = server.faults.begun("claim");
    let crash = async {
        server.faults.reached("claim", claims + 1).await;
        postgres.kill9();
    };
    let (claim, ()) = tokio::join!(server.post("/api/v1/claim", &waiting), crash);
    claim.problem("database_unavailable");
    until(&server, "/health/ready", 503).await;
    server.get("/health").await.ok(503);
    server.get("/health/live").await.ok(200);
    let answer = server.post("/api/v1/tasks", &json!({"kind": "lost"})).await;
    answer.problem("database_unavailable");
    server.get("/api/v1/queues").await.problem("database_unavailable");
    server.report(&held, "complete", json!({})).await.problem("database_unavailable");

    postgres.restart();
    until(&server, "/health/ready", 200).await;
    server.report(&held, "complete", json!({"result": 1})).await.ok(200);
    assert_eq!(server.task(&kept).await["state"], "completed");
    let claims = server.faults.begun("claim");
    let creating = async {
        server.faults.reached("claim", claims + 1).await;
        server.create(&json!({"kind": "after"})).await
    };
    let (task, _) = tokio::join!(server.claim_one(), creating);
    assert_eq!(task["kind"], "after");
    assert_eq!(server.queue("default").await["totals"]["created"], 2, "what was refused is not there");
}
