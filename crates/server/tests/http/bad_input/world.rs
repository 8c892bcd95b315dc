//! A server with tasks in every state.

use http::Method;
use serde_json::{Value, json};

use super::KEY;
use crate::support::{Backend, TestServer, text};

pub(super) struct World {
    pub(super) server: TestServer,
    pub(super) available: String,
    pub(super) scheduled: String,
    /// A task that runs, its lease, and an earlier lease of it.
    pub(super) running: String,
    pub(super) lease: String,
    pub(super) stale: String,
    /// A finished task and the lease it was completed under.
    pub(super) completed: String,
    pub(super) spent: String,
    pub(super) dead: String,
    pub(super) cancelled: String,
}

impl World {
    pub(super) async fn new(backend: Backend) -> Self {
        let server = backend.serve_with(|settings| settings.api_key = Some(KEY.into())).await;
        let completed = claimed(&server).await;
        report(&server, &completed, "complete", json!({})).await;
        let dead = claimed(&server).await;
        let error = json!({"type": "E", "message": "m"});
        report(&server, &dead, "fail", json!({"error": error, "retryable": false})).await;
        let first = claimed(&server).await;
        report(&server, &first, "release", json!({})).await;
        let second = claim(&server).await;
        let cancelled = create(&server, json!({"kind": "k"})).await;
        post(&server, &format!("/api/v1/tasks/{cancelled}/cancel"), &json!({})).await;
        create(&server, json!({"kind": "k", "unique": {"key": "taken"}})).await;
        let keyed = call(&server, Method::POST, "/api/v1/tasks").header("idempotency-key", "used");
        keyed.json(&json!({"kind": "keyed"})).send().await.ok(201);
        let keyed = call(&server, Method::POST, "/api/v1/tasks/batch").header("idempotency-key", "used");
        keyed.json(&json!({"tasks": [{"kind": "keyed"}]})).send().await.ok(200);
        Self {
            available: create(&server, json!({"kind": "k"})).await,
            scheduled: create(&server, json!({"kind": "k", "delay": "24h"})).await,
            running: string(&first["id"]),
            lease: string(&second["lease_token"]),
            stale: string(&first["lease_token"]),
            completed: string(&completed["id"]),
            spent: string(&completed["lease_token"]),
            dead: string(&dead["id"]),
            cancelled,
            server,
        }
    }

    /// Everything that requests could have changed.
    pub(super) async fn snapshot(&self) -> Value {
        let mut all = Vec::new();
        for path in ["/api/v1/tasks?limit=1000", "/api/v1/queues", "/api/v1/workers"] {
            all.push(call(&self.server, Method::GET, path).send().await.ok(200));
        }
        for queue in all[1]["queues"].as_array_mut().expect("queues") {
            queue["oldest_age_seconds"].take();
            queue["rates"].take();
        }
        Value::Array(all)
    }
}

fn string(value: &Value) -> String {
    text(value).to_owned()
}

fn call(server: &TestServer, method: Method, path: &str) -> crate::support::Call {
    server.call(method, path).header("authorization", &format!("Bearer {KEY}"))
}

async fn post(server: &TestServer, path: &str, body: &Value) -> Value {
    let answer = call(server, Method::POST, path).json(body).send().await;
    assert!(answer.status < 300, "{}", answer.text());
    answer.json()
}

async fn create(server: &TestServer, body: Value) -> String {
    string(&post(server, "/api/v1/tasks", &body).await["id"])
}

async fn claimed(server: &TestServer) -> Value {
    create(server, json!({"kind": "k"})).await;
    claim(server).await
}

async fn claim(server: &TestServer) -> Value {
    let demand = json!({"worker_id": "w1", "queues": ["default"], "lease": "1h"});
    post(server, "/api/v1/claim", &demand).await["tasks"][0].clone()
}

async fn report(server: &TestServer, task: &Value, verb: &str, mut fields: Value) {
    fields["lease_token"] = task["lease_token"].clone();
    post(server, &format!("/api/v1/tasks/{}/{verb}", text(&task["id"])), &fields).await;
}
