//! `GET /api/openapi.json`: the document describes exactly what is served.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::support::Backend;
use crate::support::{Answer, Fault, TestServer, text};

on_every_database! {
    both: requests_and_answers_have_the_documented_shapes
}

/// Every call of the contract.
const CALLS: [(&str, &str); 32] = [
    ("get", "/health"),
    ("get", "/health/live"),
    ("get", "/health/ready"),
    ("get", "/metrics"),
    ("get", "/api/test"),
    ("get", SUMMARY),
    ("get", "/api/openapi.json"),
    ("post", "/api/v1/tasks"),
    ("get", "/api/v1/tasks"),
    ("post", "/api/v1/tasks/batch"),
    ("get", "/api/v1/tasks/{id}"),
    ("post", "/api/v1/tasks/{id}/cancel"),
    ("post", "/api/v1/tasks/{id}/retry"),
    ("post", "/api/v1/claim"),
    ("post", "/api/v1/tasks/{id}/heartbeat"),
    ("post", "/api/v1/tasks/{id}/complete"),
    ("post", "/api/v1/tasks/{id}/fail"),
    ("post", "/api/v1/tasks/{id}/snooze"),
    ("post", "/api/v1/tasks/{id}/release"),
    ("post", "/api/v1/results"),
    ("get", "/api/v1/queues"),
    ("get", "/api/v1/queues/{queue}"),
    ("post", "/api/v1/queues/{queue}/pause"),
    ("post", "/api/v1/queues/{queue}/resume"),
    ("get", "/api/v1/alerts"),
    ("post", "/api/v1/alerts/{rule}/silence"),
    ("delete", "/api/v1/alerts/{rule}/silence"),
    ("get", "/api/v1/log/level"),
    ("put", "/api/v1/log/level"),
    ("get", MAINTENANCE),
    ("put", MAINTENANCE),
    ("delete", MAINTENANCE),
];
const SUMMARY: &str = "/api/v1/metrics/summary";
const WORKERS: (&str, &str) = ("get", "/api/v1/workers");

async fn document(server: &TestServer) -> Value {
    server.get("/api/openapi.json").await.ok(200)
}

/// Every method and path of the document, with its operation.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("methods").iter();
            methods.map(move |(method, operation)| (method.clone(), path.clone(), operation))
        })
        .collect()
}

#[tokio::test]
async fn the_document_lists_the_calls_of_the_contract() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    let document = document(&server).await;
    assert!(text(&document["openapi"]).starts_with("3.1"), "{}", document["openapi"]);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let listed: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let contract: BTreeSet<(String, String)> = CALLS
        .into_iter()
        .chain([WORKERS])
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(listed, contract);
    let ids: Vec<&str> = operations(&document).iter().map(|(_, _, o)| text(&o["operationId"])).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    for (method, path, operation) in operations(&document) {
        let open = !path.starts_with("/api/") || path == "/api/openapi.json";
        assert_eq!(operation.get("security").is_none(), open, "{method} {path}");
        assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path}");
    }
}

/// A path of the document with something in place of its parameters.
fn filled(path: &str, id: &str) -> String {
    path.replace("{id}", id).replace("{queue}", "default").replace("{rule}", "QueueStuck")
}

#[tokio::test]
async fn what_is_documented_is_served_and_nothing_else() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    let document = document(&server).await;
    let mut by_path: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (method, path, _) in operations(&document) {
        by_path.entry(path).or_default().insert(method.to_uppercase());
    }
    for (path, documented) in by_path {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            let id = server.create(&json!({"kind": "k"})).await["id"].clone();
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = server.call(method.clone(), &filled(&path, text(&id))).json(&json!({})).send().await;
            if documented.contains(method.as_str()) {
                assert!(![404, 405].contains(&answer.status), "{method} {path}: {}", answer.text());
                continue;
            }
            answer.problem("method_not_allowed");
            let allowed: BTreeSet<String> = answer
                .header("allow")
                .split(',')
                .map(str::to_owned)
                .filter(|method| method != "HEAD")
                .collect();
            assert_eq!(allowed, documented, "{method} {path}");
        }
    }
}

/// Makes every object schema refuse members it does not name, so that an answer with a member the
/// document does not know is found.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("properties").is_some_and(Value::is_object) {
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Checks what is sent and answered against the document, and remembers what has been.
struct Checked {
    document: Value,
    closed: Value,
    seen: BTreeMap<(String, String), BTreeSet<u16>>,
}

impl Checked {
    fn new(document: Value) -> Self {
        let mut closed = document["components"].clone();
        close(&mut closed);
        Self { document, closed, seen: BTreeMap::new() }
    }

    fn validator(&self, schema: &Value) -> Validator {
        let mut root = schema.as_object().cloned().unwrap_or_else(Map::new);
        root.insert("components".to_owned(), self.closed.clone());
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        options.build(&Value::Object(root)).expect("a schema")
    }

    #[track_caller]
    fn validate(&self, schema: &Value, value: &Value, what: &str) {
        let validator = self.validator(schema);
        let errors: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{what}: {errors:?}\n{value}");
    }

    /// The answer has a documented status and content type, and a body of the documented shape.
    #[track_caller]
    fn answer(&mut self, method: &str, path: &str, answer: &Answer) {
        let what = format!("{method} {path} → {}", answer.status);
        let response = &self.document["paths"][path][method]["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{what} is not documented: {}", answer.text());
        self.seen.entry((method.to_owned(), path.to_owned())).or_default().insert(answer.status);
        let content_type = answer.header("content-type");
        if content_type.is_empty() {
            assert!(response.get("content").is_none() && answer.body.is_empty(), "{what}: {response}");
            return;
        }
        let essence = content_type.split(';').next().unwrap_or_default();
        let schema = &response["content"][essence]["schema"];
        assert!(schema.is_object(), "{what}: {content_type} is not documented: {response}");
        let value = if essence == "text/plain" { json!(answer.text()) } else { answer.json() };
        self.validate(schema, &value, &what);
    }

    #[track_caller]
    fn request(&self, path: &str, body: &Value) {
        let schema =
            &self.document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "POST {path} takes no JSON");
        self.validate(schema, body, path);
    }

    async fn get(&mut self, server: &TestServer, path: &str, actual: &str) -> Answer {
        let answer = server.get(actual).await;
        self.answer("get", path, &answer);
        answer
    }

    /// A request whose body is as documented.
    async fn post(&mut self, server: &TestServer, path: &str, actual: &str, body: &Value) -> Answer {
        self.request(path, body);
        let answer = server.post(actual, body).await;
        self.answer("post", path, &answer);
        answer
    }

    /// A request with a body that need not be, or with none.
    async fn any(&mut self, server: &TestServer, path: &str, actual: &str, body: &Value) -> Answer {
        let answer =
            if body.is_null() { server.post_empty(actual).await } else { server.post(actual, body).await };
        self.answer("post", path, &answer);
        answer
    }
}

const TASKS: &str = "/api/v1/tasks";
const BATCH: &str = "/api/v1/tasks/batch";
const CLAIM: &str = "/api/v1/claim";
const LOG_LEVEL: &str = "/api/v1/log/level";
const MAINTENANCE: &str = "/api/v1/maintenance";
const UNKNOWN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

async fn create_every_way(server: &TestServer, checked: &mut Checked) {
    let full = json!({
        "kind": "k", "queue": "full", "payload": {"a": 1}, "priority": 3, "run_at": "2031-01-01T00:00:00Z",
        "timeout": "1m30s", "max_attempts": 3, "retry": {"initial": "1s", "factor": 2.0, "max": "1h", "jitter": 0.5},
        "unique": {"key": "u", "on_conflict": "reject"}, "tags": ["t"], "metadata": {"m": [1]}
    });
    checked.post(server, TASKS, TASKS, &full).await.ok(201);
    checked.post(server, TASKS, TASKS, &full).await.problem("unique_conflict");
    let mut lenient = full.clone();
    lenient["unique"] = json!({"key": "u"});
    checked.post(server, TASKS, TASKS, &lenient).await.ok(200);
    for (body, code) in [
        (json!({"kind": 5}), "validation_failed"),
        (json!({"kind": "k", "payload": "x".repeat(300_000)}), "payload_too_large"),
    ] {
        checked.any(server, TASKS, TASKS, &body).await.problem(code);
    }
    for (content_type, body) in [("application/json", "{"), ("text/plain", "k")] {
        let answer = server.call(Method::POST, TASKS).body(content_type, body).send().await;
        checked.answer("post", TASKS, &answer);
    }
    let batch = json!({"tasks": [full, {"kind": "k"}], "atomic": false});
    checked.post(server, BATCH, BATCH, &batch).await.ok(200);
    let bad = json!({"tasks": [{"kind": ""}, {"kind": "k", "unique": {"key": "z"}}, {"kind": "k", "unique": {"key": "z"}}]});
    checked.any(server, BATCH, BATCH, &bad).await.ok(200);
    let atomic = json!({"tasks": [full], "atomic": true});
    checked.post(server, BATCH, BATCH, &atomic).await.problem("unique_conflict");
    checked.any(server, BATCH, BATCH, &json!({})).await.problem("validation_failed");
    checked.get(server, TASKS, "/api/v1/tasks?limit=2").await.ok(200);
    checked.get(server, TASKS, "/api/v1/tasks?limit=0").await.problem("validation_failed");
}

/// A claimed task.
async fn claim(server: &TestServer, checked: &mut Checked) -> Value {
    server.create(&json!({"kind": "work", "queue": "work", "payload": null})).await;
    let demand = json!({"worker_id": "w", "queues": ["work"], "kinds": ["work"], "max": 1, "wait": "1s", "lease": "30s"});
    checked.post(server, CLAIM, CLAIM, &demand).await.ok(200)["tasks"][0].clone()
}

async fn work_every_way(server: &TestServer, checked: &mut Checked) {
    let nothing = json!({"worker_id": "w", "queues": ["none"]});
    assert_eq!(checked.post(server, CLAIM, CLAIM, &nothing).await.status, 204);
    checked.any(server, CLAIM, CLAIM, &json!({})).await.problem("validation_failed");
    let error = json!({"type": "E", "message": "m", "trace": "t"});
    for (verb, fields) in [
        ("heartbeat", json!({"lease": "10s", "progress": {"p": 1}})),
        ("complete", json!({"result": {"r": [1]}})),
        ("fail", json!({"error": error, "retryable": true, "retry_after": "1h"})),
        ("snooze", json!({"delay": "1h"})),
        ("release", json!({})),
    ] {
        let task = claim(server, checked).await;
        let path = format!("/api/v1/tasks/{{id}}/{verb}");
        let actual = filled(&path, text(&task["id"]));
        let mut body = fields;
        body["lease_token"] = task["lease_token"].clone();
        checked.post(server, &path, &actual, &body).await.ok(200);
        checked
            .get(server, "/api/v1/tasks/{id}", &format!("/api/v1/tasks/{}", text(&task["id"])))
            .await
            .ok(200);
        checked.post(server, &path, &filled(&path, UNKNOWN), &body).await.problem("not_found");
        checked.any(server, &path, &actual, &json!({})).await.problem("validation_failed");
        body["lease_token"] = json!("999");
        checked.post(server, &path, &actual, &body).await.problem("lease_lost");
    }
    let task = claim(server, checked).await;
    let report = json!({"id": task["id"], "lease_token": task["lease_token"], "outcome": "failed", "error": error,
        "retryable": false});
    let unknown = json!({"id": UNKNOWN, "lease_token": "1", "outcome": "completed", "result": 1});
    let results = json!({"results": [report, unknown]});
    checked.post(server, "/api/v1/results", "/api/v1/results", &results).await.ok(200);
    checked.any(server, "/api/v1/results", "/api/v1/results", &json!({"results": [{}]})).await.ok(200);
    checked.any(server, "/api/v1/results", "/api/v1/results", &json!({})).await.problem("validation_failed");
    let retry = format!("/api/v1/tasks/{}/retry", text(&task["id"]));
    checked.any(server, "/api/v1/tasks/{id}/retry", &retry, &Value::Null).await.ok(200);
}

async fn operate_every_way(server: &TestServer, checked: &mut Checked) {
    let id = server.create(&json!({"kind": "k"})).await["id"].clone();
    for (verb, status) in [("retry", 409), ("cancel", 200), ("cancel", 409)] {
        let path = format!("/api/v1/tasks/{{id}}/{verb}");
        let answer = checked.any(server, &path, &filled(&path, text(&id)), &Value::Null).await;
        assert_eq!(answer.status, status, "{verb}: {}", answer.text());
        checked.any(server, &path, &filled(&path, UNKNOWN), &Value::Null).await.problem("not_found");
        checked.any(server, &path, &filled(&path, "17"), &Value::Null).await.problem("validation_failed");
    }
    let task = "/api/v1/tasks/{id}";
    checked.get(server, task, &filled(task, text(&id))).await.ok(200);
    checked.get(server, task, &filled(task, UNKNOWN)).await.problem("not_found");
    checked.get(server, task, &filled(task, "17")).await.problem("validation_failed");
    for verb in ["pause", "resume"] {
        let path = format!("/api/v1/queues/{{queue}}/{verb}");
        checked.any(server, &path, &filled(&path, UNKNOWN), &Value::Null).await.ok(200);
        let bad = path.replace("{queue}", "%00");
        checked.any(server, &path, &bad, &Value::Null).await.problem("validation_failed");
    }
    for (body, status) in [
        (json!({"level": "WARNING", "target": "taskward_store", "for": "1m"}), 200),
        (json!({"level": "WARNING", "for": "1m"}), 200),
        (json!({"level": "LOUD"}), 422),
    ] {
        let answer = server.call(Method::PUT, LOG_LEVEL).json(&body).send().await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        checked.answer("put", LOG_LEVEL, &answer);
    }
    for (reason, status) in [("a move", 200), ("", 422)] {
        let body = json!({"mode": "read_only", "reason": reason});
        let answer = server.call(Method::PUT, MAINTENANCE).json(&body).send().await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        checked.answer("put", MAINTENANCE, &answer);
    }
    let answer = server.call(Method::DELETE, MAINTENANCE).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    checked.answer("delete", MAINTENANCE, &answer);
    checked.get(server, "/api/v1/queues/{queue}", "/api/v1/queues/default").await.ok(200);
    checked.get(server, "/api/v1/queues/{queue}", "/api/v1/queues/none").await.problem("not_found");
    for path in [
        "/api/v1/queues",
        "/api/v1/workers",
        SUMMARY,
        LOG_LEVEL,
        MAINTENANCE,
        "/api/test",
        "/api/openapi.json",
        "/metrics",
        "/health",
        "/health/live",
        "/health/ready",
    ] {
        assert_eq!(checked.get(server, path, path).await.status, 200, "{path}");
    }
    for window in ["1s", "2h", "soon"] {
        let path = format!("{SUMMARY}?window={window}");
        checked.get(server, SUMMARY, &path).await.problem("validation_failed");
    }
}

async fn silence_every_way(server: &TestServer, checked: &mut Checked) {
    const SILENCE: &str = "/api/v1/alerts/{rule}/silence";
    checked.get(server, "/api/v1/alerts", "/api/v1/alerts").await.ok(200);
    let request = json!({"for": "2h", "reason": "maintenance"});
    checked.post(server, SILENCE, &filled(SILENCE, ""), &request).await.ok(200);
    checked.get(server, "/api/v1/alerts", "/api/v1/alerts").await.ok(200);
    let unknown = SILENCE.replace("{rule}", "None");
    checked.post(server, SILENCE, &unknown, &request).await.problem("not_found");
    let bad = json!({"for": "9000h", "reason": ""});
    checked.post(server, SILENCE, &filled(SILENCE, ""), &bad).await.problem("validation_failed");
    for (path, status) in [(filled(SILENCE, ""), 200), (unknown, 404)] {
        let answer = server.call(Method::DELETE, &path).send().await;
        assert_eq!(answer.status, status, "{}", answer.text());
        checked.answer("delete", SILENCE, &answer);
    }
}

async fn requests_and_answers_have_the_documented_shapes(backend: Backend) {
    let state = tempfile::tempdir().expect("a directory");
    let server = backend.serve_with(|settings| settings.state_dir = state.path().to_owned()).await;
    let mut checked = Checked::new(document(&server).await);
    create_every_way(&server, &mut checked).await;
    work_every_way(&server, &mut checked).await;
    operate_every_way(&server, &mut checked).await;
    silence_every_way(&server, &mut checked).await;
    for verb in ["queues", "workers", "list", "ping"] {
        server.faults.fail(verb, Fault::Unavailable);
    }
    for path in ["/api/v1/queues", "/api/v1/workers", TASKS, "/health", "/health/ready"] {
        assert_eq!(checked.get(&server, path, path).await.status, 503, "{path}");
    }
    // Calls that cannot go wrong for anybody who has the key; the others have shown a success and a problem.
    let infallible = [
        "/health/live",
        "/metrics",
        "/api/openapi.json",
        "/api/test",
        "/api/v1/alerts",
        LOG_LEVEL,
        MAINTENANCE,
    ];
    for (method, path, _) in operations(&checked.document) {
        let seen = checked.seen.get(&(method.clone(), path.clone())).cloned().unwrap_or_default();
        assert!(seen.iter().any(|status| *status < 300), "no success of {method} {path}");
        let problem = seen.iter().any(|status| *status >= 400);
        assert!(problem || infallible.contains(&path.as_str()), "no problem of {method} {path}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_documented_for_every_guarded_call() {
    let backend = Backend::Sqlite;
    let server = backend.serve_with(|settings| settings.api_key = Some("key".into())).await;
    let mut checked = Checked::new(document(&server).await);
    for (method, path) in CALLS.into_iter().chain([WORKERS]) {
        if !path.starts_with("/api/") || path == "/api/openapi.json" {
            continue;
        }
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
        let answer = server.call(verb, &filled(path, UNKNOWN)).send().await;
        answer.problem("unauthorized");
        checked.answer(method, path, &answer);
    }
}

#[tokio::test]
async fn examples_are_valid() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    let checked = Checked::new(document(&server).await);
    let schemas = checked.document["components"]["schemas"].as_object().expect("schemas").clone();
    for (name, schema) in &schemas {
        // Every schema compiles, whether or not an answer uses it.
        checked.validator(schema);
        if let Some(example) = schema.get("example") {
            checked.validate(schema, example, name);
        }
    }
}
