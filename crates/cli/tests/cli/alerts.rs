//! `taskward alerts`.

use serde_json::Value;

use crate::support::{Server, run, taskward};

#[test]
fn every_rule_does_what_it_should() {
    let all = run(taskward().args(["alerts", "test"])).exits(0).stdout;
    assert!(all.contains("ErrorBudgetBurn") && !all.contains("FAIL"), "{all}");
    let one = run(taskward().args(["alerts", "test", "HighLatency", "-o", "json"])).exits(0).json();
    assert_eq!(one["passed"], true);
    let scenarios: Vec<_> =
        one["replays"].as_array().expect("a list").iter().map(|r| r["scenario"].clone()).collect();
    assert_eq!(scenarios, ["breach", "too_short", "just_below", "alone", "no_data"]);
}

#[test]
fn a_rule_that_does_not_exist_has_a_near_one() {
    let unknown = run(taskward().args(["alerts", "test", "HighLatancy"])).exits(6);
    assert!(
        unknown.stderr.contains("[unknown_rule]") && unknown.stderr.contains("alerts test HighLatency"),
        "{unknown:?}"
    );
}

#[test]
fn the_rules_follow_the_configuration_and_nothing_else_is_needed() {
    let mut command = taskward();
    command.args(["alerts", "rules"]).env("APP_ENV", "prod");
    command.env("TASKWARD__ALERTS__ERROR_RATE_PERCENT", "7").env("TASKWARD__ALERTS__ERROR_RATE_FOR", "10s");
    let text = run(&mut command).exits(0).stdout;
    assert!(text.contains("> 0.07\n") && text.contains("for: 10s\n"), "{text}");
    let json = run(command.args(["-o", "json"])).exits(0).json();
    let rule = json["groups"][0]["rules"]
        .as_array()
        .and_then(|rules| rules.iter().find(|rule| rule["alert"] == "ErrorRate"));
    assert_eq!(rule.expect("the rule")["labels"]["severity"], "critical");
    command.env("TASKWARD__ALERTS__ERROR_RATE_PERCENT", "700");
    assert!(run(&mut command).exits(2).stdout.contains("alerts.error_rate_percent"));
}

#[test]
fn rules_of_a_running_service_are_listed_and_silenced() {
    let server = Server::start_with(&[("TASKWARD__ALERTS__SLACK_URL", "http://127.0.0.1:1/T0/hidden-token")]);
    let text = server.cli(["alerts", "list"]).exits(0).stdout;
    assert!(text.contains("HighLatency") && text.contains("no_data") && text.contains("slack"), "{text}");
    assert!(!text.contains("hidden-token"));
    let header = "RULE  STATE  VALUE  THRESHOLD  SEVERITY  ABOUT  SINCE  SILENCED UNTIL";
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(text.lines().next().map(words), Some(words(header)));
    assert!(text.lines().any(|line| line.starts_with("QueueStuck") && line.contains("15m")), "{text}");
    let would =
        server.cli(["alerts", "silence", "QueueStuck", "--for", "2h", "--reason", "r", "--dry-run"]).exits(0);
    assert_eq!(would.stdout, "nobody would be told of QueueStuck for 2h\n");
    let silenced = |server: &Server| -> Value {
        let list = server.json(["alerts", "list"]);
        let alerts = list["alerts"].as_array().expect("a list");
        alerts.iter().find(|alert| alert["rule"] == "QueueStuck").expect("the rule")["silence"].clone()
    };
    assert_eq!(silenced(&server), Value::Null);
    server.cli(["alerts", "silence", "QueueStuck", "--for", "2h", "--reason", "import runs"]).exits(0);
    assert_eq!(silenced(&server)["reason"], "import runs");
    let ended = server.cli(["alerts", "unsilence", "QueueStuck"]).exits(0);
    assert_eq!(ended.stdout, "everybody is told of QueueStuck again\n");
    assert_eq!(silenced(&server), Value::Null);
    let unknown = ["alerts", "silence", "QueueStucks", "--for", "2h", "--reason", "r"];
    let unknown = server.cli(unknown).exits(6);
    assert!(unknown.stderr.contains("alerts test QueueStuck"), "{unknown:?}");
    let too_long = server.cli(["alerts", "silence", "QueueStuck", "--for", "40d", "--reason", "r"]).exits(2);
    assert!(too_long.stderr.contains("720h"), "{too_long:?}");
}

#[test]
fn a_webhook_without_a_secret_is_refused() {
    let mut command = taskward();
    command
        .args(["config", "check"])
        .env("TASKWARD__ALERTS__WEBHOOK_URL", "http://127.0.0.1:1/planted-secret");
    let refused = run(&mut command).exits(3);
    assert!(refused.stdout.contains("alerts.webhook_secret"), "{refused:?}");
    assert!(!format!("{refused:?}").contains("planted"), "{refused:?}");
}
