//! `POST /api/v1/results`.

use serde_json::{Value, json};

use crate::support::Backend;
use crate::support::{keys, list};

on_every_database! {
    both: each_report_stands_alone, thousands_of_reports_in_one_request
}

const RESULTS: &str = "/api/v1/results";

fn report(task: &Value, outcome: &str, fields: Value) -> Value {
    let mut report = fields;
    report["id"] = task["id"].clone();
    report["lease_token"] = task["lease_token"].clone();
    report["outcome"] = json!(outcome);
    report
}

async fn each_report_stands_alone(backend: Backend) {
    let server = backend.serve().await;
    let created = vec![json!({"kind": "k"}); 8];
    server.post("/api/v1/tasks/batch", &json!({"tasks": created})).await.ok(200);
    let demand = json!({"worker_id": "w", "queues": ["default"], "max": 8});
    let tasks = server.claim(&demand).await;
    let unknown = json!({"id": "01890a5d-ac96-774b-bcce-b302099a8057", "lease_token": "1"});
    let mut stale = tasks[4].clone();
    stale["lease_token"] = json!("999");
    let error = json!({"type": "E", "message": "m"});
    let reports = json!([
        report(&tasks[0], "completed", json!({"result": {"n": 0}})),
        report(&tasks[1], "failed", json!({"error": error, "retryable": false})),
        report(&tasks[2], "snoozed", json!({"delay": "1h"})),
        report(&tasks[3], "released", json!({})),
        report(&stale, "completed", json!({})),
        report(&unknown, "completed", json!({})),
        report(&tasks[5], "completed", json!({"result": "x".repeat(256 * 1024)})),
        report(&tasks[6], "failed", json!({})),
        report(&tasks[6], "completed", json!({"delay": "1s"})),
        report(&tasks[6], "done", json!({})),
        {"id": 5},
        report(&tasks[7], "completed", json!({})),
        report(&tasks[7], "completed", json!({})),
    ]);
    let answer = server.post(RESULTS, &json!({"results": reports})).await.ok(200);
    let results = list(&answer["results"]);
    let statuses: Vec<u64> = results.iter().map(|result| result["status"].as_u64().expect("one")).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 409, 404, 413, 422, 422, 422, 422, 200, 200], "{answer}");
    assert_eq!(results[0], json!({"id": tasks[0]["id"], "status": 200, "state": "completed"}));
    let states = results[1..4].iter().map(|result| &result["state"]).collect::<Vec<_>>();
    assert_eq!(states, ["dead", "scheduled", "available"]);
    assert_eq!(keys(&results[4]), ["error", "id", "status"]);
    assert_eq!(results[4]["error"]["code"], "lease_lost");
    assert_eq!(results[5]["error"]["code"], "not_found");
    assert_eq!(results[6]["error"]["code"], "payload_too_large");
    assert_eq!(results[7]["error"]["errors"][0]["field"], "error");
    assert_eq!(results[8]["error"]["errors"][0]["field"], "delay");
    assert_eq!(results[10]["id"], Value::Null);
    assert_eq!(results[12], json!({"id": tasks[7]["id"], "status": 200, "state": "completed"}));
    let queue = server.queue("default").await;
    assert_eq!(queue["depth"], json!({"scheduled": 1, "available": 1, "running": 3}));
    assert_eq!(queue["totals"], json!({"created": 8, "completed": 2, "cancelled": 0, "dead": 1}));
    assert_eq!(server.task(&tasks[0]["id"]).await["result"], json!({"n": 0}));
}

async fn thousands_of_reports_in_one_request(backend: Backend) {
    let server = backend.serve().await;
    let lines = "{\"kind\":\"k\"}\n".repeat(3_000);
    let call = server.call(http::Method::POST, "/api/v1/tasks/batch").body("application/x-ndjson", lines);
    call.send().await.ok(200);
    let demand = json!({"worker_id": "w", "queues": ["default"], "max": 1000});
    let mut reports = Vec::new();
    for _ in 0..3 {
        let tasks = server.claim(&demand).await;
        reports.extend(tasks.iter().map(|task| report(task, "completed", json!({"result": task["id"]}))));
    }
    let answer = server.post(RESULTS, &json!({"results": reports})).await.ok(200);
    let results = list(&answer["results"]);
    assert!(results.iter().zip(&reports).all(|(result, report)| result["id"] == report["id"]), "in order");
    assert!(results.iter().all(|result| result["status"] == 200));
    assert_eq!(server.queue("default").await["totals"]["completed"], 3_000);
    let page = server.get("/api/v1/tasks?state=completed&limit=1000").await.ok(200);
    assert!(list(&page["tasks"]).iter().all(|task| task["result"] == task["id"]));
}
