//! Lines of the log for an audit: who changed the mode, from what to what, and why.

use serde_json::{Value, json};
use taskward_testkit::postgres::TempPostgres;

use crate::support::{Server, lines, until};

#[test]
fn each_change_of_the_mode_says_who_from_what_to_what_and_why() {
    let mut postgres = TempPostgres::start_without_fsync();
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("example.log");
    let url = postgres.create_database();
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("TASKWARD__LOGGING__FORMAT", "json"),
        ("TASKWARD__LOGGING__FILE", file.to_str().expect("UTF-8")),
    ];
    let server = Server::start_with(&variables);
    let audited = || -> Vec<Value> {
        let read = lines(&file).into_iter().filter_map(|line| serde_json::from_str(&line).ok());
        read.filter(|line: &Value| line["event.category"] == "configuration").collect()
    };
    let changes = || -> Vec<Value> {
        audited().into_iter().filter(|line| line["event.action"] == "mode_changed").collect()
    };
    let is_mode = |mode: &str| server.json(["maintenance", "status"])["mode"] == mode;

    server.cli(["maintenance", "on", "--mode", "read-only", "--reason", "moving the database"]).exits(0);
    server.cli(["maintenance", "off"]).exits(0);
    postgres.stop_immediate();
    until("the service is read-only by itself", || is_mode("read_only"));
    postgres.restart();
    until("the service is back by itself", || is_mode("normal"));
    until("four changes are in the log", || changes().len() == 4);

    let what = |line: &Value| {
        ["log.level", "taskward.by", "taskward.was", "taskward.mode", "taskward.cause", "taskward.reason"]
            .map(|name| line[name].clone())
    };
    let changes = changes();
    let expected = [
        json!(["WARN", "operator", "normal", "read_only", "maintenance", "maintenance: moving the database"]),
        json!(["WARN", "operator", "read_only", "normal", null, null]),
        json!(["WARN", "service", "normal", "read_only", "database_away", "the database does not answer"]),
        json!(["WARN", "service", "read_only", "normal", null, null]),
    ];
    for (line, expected) in changes.iter().zip(expected) {
        assert_eq!(json!(what(line)), expected, "{line}");
    }
    // By the operator's requests it is known whose they were; the service asked nobody.
    let requests: Vec<_> = changes.iter().map(|line| line["http.request.id"].as_str()).collect();
    assert!(requests[0].is_some() && requests[1].is_some() && requests[0] != requests[1], "{requests:?}");
    assert_eq!(requests[2..], [None, None]);
    for (action, request) in [("maintenance_begun", requests[0]), ("maintenance_ended", requests[1])] {
        let said = audited().into_iter().find(|line| line["event.action"] == action).expect(action);
        assert_eq!(said["http.request.id"].as_str(), request, "{said}");
    }
}

#[test]
fn a_change_of_the_log_level_is_audited_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("example.log");
    let path = file.to_str().expect("UTF-8");
    let server =
        Server::start_with(&[("TASKWARD__LOGGING__FORMAT", "json"), ("TASKWARD__LOGGING__FILE", path)]);
    server.cli(["log", "level", "set", "DEBUG", "--for", "1s"]).exits(0);
    let said = |action: &str| {
        let read = lines(&file).into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        read.filter(|line| line["event.category"] == "configuration")
            .find(|line| line["event.action"] == action)
    };
    until("it has reverted", || said("log_level_reverted").is_some());
    let (changed, reverted) = (said("log_level_changed"), said("log_level_reverted"));
    let request =
        |line: Option<Value>| line.expect("a line")["http.request.id"].as_str().map(ToOwned::to_owned);
    let (changed, reverted) = (request(changed), request(reverted));
    assert!(changed.is_some() && changed == reverted, "{changed:?} {reverted:?}");
}
