//! `/api/v1/log/level`.

use http::Method;
use serde_json::{Value, json};

use crate::support::Backend;
use crate::support::{Answer, TestServer};

const PATH: &str = "/api/v1/log/level";

async fn set(server: &TestServer, body: &Value) -> Answer {
    server.call(Method::PUT, PATH).json(body).header("x-request-id", "who-asked").send().await
}

#[tokio::test]
async fn a_level_is_set_for_a_while_and_taken_back() {
    let server = Backend::Sqlite.serve().await;
    let levels = server.get(PATH).await.ok(200);
    assert_eq!(
        levels,
        json!({"level": "INFO", "configured": "INFO", "reverts_at": null, "set_by": null, "targets": []})
    );
    let levels = set(&server, &json!({"level": "debug", "for": "1h"})).await.ok(200);
    assert_eq!((&levels["level"], &levels["configured"]), (&json!("DEBUG"), &json!("INFO")));
    assert_eq!(levels["set_by"], "who-asked");
    assert!(levels["reverts_at"].is_string());
    let levels = set(&server, &json!({"level": "TRACE", "target": "taskward_store"})).await.ok(200);
    assert_eq!(levels["targets"][0]["target"], "taskward_store");
    assert_eq!(server.get(PATH).await.ok(200), levels);
    let levels = set(&server, &json!({"level": "INFO"})).await.ok(200);
    assert_eq!((&levels["level"], &levels["reverts_at"]), (&json!("INFO"), &Value::Null));
}

#[tokio::test]
async fn a_level_reverts_by_itself() {
    let server = Backend::Sqlite.serve().await;
    set(&server, &json!({"level": "WARN", "for": "1s"})).await.ok(200);
    let began = tokio::time::Instant::now();
    while server.get(PATH).await.ok(200)["level"] != "INFO" {
        assert!(began.elapsed().as_secs() < 20, "it never reverts");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_cannot_be_set_is_named_with_what_was_probably_meant() {
    let server = Backend::Sqlite.serve().await;
    for (body, field, part) in [
        (json!({"level": "DEBG"}), "level", "did you mean DEBUG?"),
        (json!({"level": "loudest"}), "level", "must be ERROR"),
        (json!({"level": "DEBUG", "target": "taskward_stor"}), "target", "did you mean taskward_store?"),
        (json!({"level": "DEBUG", "target": "hyper"}), "target", "no such module"),
        (json!({"level": "DEBUG", "for": "25h"}), "for", "24h"),
        (json!({"level": "DEBUG", "for": "0s"}), "for", "1s"),
        (json!({"level": 5}), "level", "string"),
        (json!({}), "", "level"),
        (json!({"level": "DEBUG", "until": "1h"}), "until", ""),
    ] {
        let problem = set(&server, &body).await.problem("validation_failed");
        let error = &problem["errors"][0];
        let said = error["message"].as_str().unwrap_or_default();
        assert!(said.contains(part), "{body}: {problem}");
        assert!(error["field"] == field || field.is_empty() || field == "until", "{body}: {problem}");
    }
    assert_eq!(server.get(PATH).await.ok(200)["level"], "INFO", "nothing was changed");
}
