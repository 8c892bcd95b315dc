//! `/api/v1/maintenance`, and the mode: who sets it, what it refuses, what it keeps.

use std::path::Path;

use http::Method;
use serde_json::{Value, json};
use taskward_server::Settings;
use tempfile::TempDir;

use crate::support::{Answer, Backend, Fault, TestServer, list, millis_between, text, within};

on_every_database! {
    both: read_only_by_hand_refuses_writes_and_keeps_leases, a_database_that_takes_no_writes_is_read
}

const PATH: &str = "/api/v1/maintenance";

fn state() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn in_dir(dir: &Path) -> impl FnOnce(&mut Settings) + use<> {
    let dir = dir.to_owned();
    move |settings| settings.state_dir = dir
}

async fn begin(server: &TestServer, reason: &str) -> Answer {
    let body = json!({"mode": "read_only", "reason": reason});
    server.call(Method::PUT, PATH).json(&body).header("x-request-id", "who-asked").send().await
}

async fn end(server: &TestServer) -> Value {
    server.call(Method::DELETE, PATH).send().await.ok(200)
}

/// Waits until the service is in this mode.
async fn until_mode(server: &TestServer, mode: &str) -> Value {
    within(mode, async {
        loop {
            let now = server.get(PATH).await.ok(200);
            if now["mode"] == mode {
                return now;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
}

async fn read_only_by_hand_refuses_writes_and_keeps_leases(backend: Backend) {
    let dir = state();
    let server = backend.serve_with(in_dir(dir.path())).await;
    server.create(&json!({"kind": "k"})).await;
    let demand = json!({"worker_id": "w", "queues": ["default"], "lease": "1s"});
    let task = server.claim(&demand).await.remove(0);

    let now = begin(&server, "moving the database").await.ok(200);
    assert_eq!(
        (&now["mode"], &now["reason"]),
        (&json!("read_only"), &json!("maintenance: moving the database"))
    );
    assert_eq!(
        (&now["survives_restart"], &now["maintenance"]["set_by"]),
        (&json!(true), &json!("who-asked"))
    );
    let refused = server.post("/api/v1/tasks", &json!({"kind": "k"})).await;
    assert!(
        text(&refused.problem("read_only")["detail"]).contains("moving the database"),
        "{}",
        refused.text()
    );
    assert_eq!(refused.header("retry-after"), "1");
    server
        .post("/api/v1/claim", &json!({"worker_id": "w", "queues": ["default"]}))
        .await
        .problem("read_only");
    server.report(&task, "complete", json!({})).await.problem("read_only");
    assert_eq!(server.task(&task["id"]).await["state"], "running", "reads go on");

    let health = server.get("/health").await.ok(200);
    assert_eq!((&health["status"], &health["mode"]), (&json!("degraded"), &json!("read_only")));
    let checks = list(&health["checks"]);
    assert_eq!((&checks[1]["name"], &checks[1]["status"]), (&json!("maintenance"), &json!("fail")));
    assert!(text(&checks[1]["message"]).contains("taskward maintenance off"), "{checks:?}");
    assert!(server.get("/metrics").await.text().contains("taskward_mode{mode=\"read_only\"} 1"));
    server.get("/health/ready").await.ok(200);

    let before = server.task(&task["id"]).await;
    let now = end(&server).await;
    assert_eq!(
        now,
        json!({
            "instance": "one", "mode": "normal", "reason": null, "maintenance": null, "survives_restart": true
        })
    );
    let after = server.task(&task["id"]).await;
    let given = millis_between(&before["lease_expires_at"], &after["lease_expires_at"]);
    assert!(given >= 8_000, "workers have time to be heard: {given} ms");
    server.report(&task, "complete", json!({})).await.ok(200);
}

async fn a_database_that_takes_no_writes_is_read(backend: Backend) {
    let server = backend.serve().await;
    let task = server.create(&json!({"kind": "k"})).await;
    server.faults.fail("probe", Fault::ReadOnly);
    let now = until_mode(&server, "read_only").await;
    assert_eq!((&now["reason"], &now["maintenance"]), (&json!("the database takes no writes"), &Value::Null));
    server.post("/api/v1/tasks", &json!({"kind": "k"})).await.problem("read_only");
    server.get(&format!("/api/v1/tasks/{}", text(&task["id"]))).await.ok(200);
    let health = server.get("/health").await.ok(200);
    assert_eq!((&health["status"], &health["checks"][0]["status"]), (&json!("degraded"), &json!("fail")));
    server.faults.heal();
    until_mode(&server, "normal").await;
    server.create(&json!({"kind": "k"})).await;
}

#[tokio::test]
async fn an_operators_word_survives_a_restart_until_it_is_taken_back() {
    let dir = state();
    let server = Backend::Sqlite.serve_with(in_dir(dir.path())).await;
    let said = begin(&server, "a move").await.ok(200);
    let server = server.restart().await;
    assert_eq!(server.get(PATH).await.ok(200), said);
    server.post("/api/v1/tasks", &json!({"kind": "k"})).await.problem("read_only");
    assert_eq!(end(&server).await["mode"], "normal");
    let server = server.restart().await;
    server.create(&json!({"kind": "k"})).await;
}

#[tokio::test]
async fn it_works_while_the_database_is_away_and_outlasts_that() {
    let dir = state();
    let server = Backend::Sqlite.serve_with(in_dir(dir.path())).await;
    for verb in ["probe", "ping", "get", "queues", "grant_grace"] {
        server.faults.fail(verb, Fault::Unavailable);
    }
    assert_eq!(until_mode(&server, "read_only").await["reason"], "the database does not answer");
    assert_eq!(begin(&server, "a long night").await.ok(200)["maintenance"]["reason"], "a long night");
    server.faults.heal();
    within("the database's own trouble ends", async {
        while server.get(PATH).await.ok(200)["reason"] != "maintenance: a long night" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(end(&server).await["mode"], "normal");
}

#[tokio::test]
async fn workers_are_given_time_before_writes_are_taken() {
    let server = Backend::Sqlite.serve().await;
    server.faults.fail("grant_grace", Fault::Unavailable);
    server.faults.fail("probe", Fault::Unavailable);
    until_mode(&server, "read_only").await;
    let tried = server.faults.begun("grant_grace");
    server.faults.succeed("probe");
    server.faults.reached("grant_grace", tried + 2).await;
    assert_eq!(server.get(PATH).await.ok(200)["reason"], "it is about to be back");
    server.post("/api/v1/tasks", &json!({"kind": "k"})).await.problem("read_only");
    server.faults.heal();
    until_mode(&server, "normal").await;
}

#[tokio::test]
async fn what_cannot_be_written_down_is_said_and_in_force() {
    let dir = state();
    std::fs::write(dir.path().join("file"), "").expect("written");
    let server = Backend::Sqlite.serve_with(in_dir(&dir.path().join("file"))).await;
    let now = begin(&server, "a move").await.ok(200);
    assert_eq!((&now["mode"], &now["survives_restart"]), (&json!("read_only"), &json!(false)));
}

#[tokio::test]
async fn a_claim_that_waits_is_told() {
    let dir = state();
    let server = Backend::Sqlite.serve_with(in_dir(dir.path())).await;
    let demand = json!({"worker_id": "w", "queues": ["none"], "wait": "20s"});
    let maintenance = async {
        server.faults.claims_ended(1).await;
        begin(&server, "a move").await.ok(200);
    };
    let (claim, ()) = tokio::join!(server.post("/api/v1/claim", &demand), maintenance);
    claim.problem("read_only");
}

#[tokio::test]
async fn a_reason_is_wanted_and_no_other_mode_is_known() {
    let server = Backend::Sqlite.serve().await;
    begin(&server, "").await.problem("validation_failed");
    for body in
        [json!({"mode": "normal", "reason": "x"}), json!({"reason": "x"}), json!({"mode": "read_only"})]
    {
        let answer = server.call(Method::PUT, PATH).json(&body).send().await;
        assert!((400..500).contains(&answer.status), "{body}: {}", answer.text());
    }
    assert_eq!(server.get(PATH).await.ok(200)["mode"], "normal");
}
