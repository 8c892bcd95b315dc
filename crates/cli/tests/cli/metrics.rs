//! `taskward metrics show`.

use crate::support::{Server, run, taskward, until};

#[test]
fn figures_of_what_happened_and_no_data_on_what_did_not() {
    let server = Server::start();
    let cache = server.cli(["metrics", "show", "cache"]).exits(4);
    assert!(cache.stdout.contains("CACHE") && cache.stdout.contains("no data"), "{cache:#?}");
    assert!(cache.stderr.contains("error[no_data]: no data on cache within the last 5m"), "{cache:#?}");
    let none = server.cli(["metrics", "show", "tasks", "--window", "1m", "-o", "json"]).exits(4).json();
    assert_eq!((&none["error"]["code"], &none["error"]["exit_code"]), (&"no_data".into(), &4.into()));
    assert_eq!(none["summary"]["tasks"]["success_ratio"], serde_json::Value::Null);

    server.enqueue(&[]);
    server.work("true");
    until("a sample with the task", || server.cli(["metrics", "show", "requests"]).code == Some(0));
    until("a sample with the task", || server.cli(["metrics", "show", "tasks"]).code == Some(0));
    let all = server.cli(["metrics", "show", "--window", "10m"]).exits(0).stdout;
    for figure in
        ["REQUESTS", "per second", "p99", "availability", "TASKS", "processing, p95", "SYSTEM", "open files"]
    {
        assert!(all.contains(figure), "{figure} is not in\n{all}");
    }
    assert!(!all.contains("CACHE"), "{all}");
    let document = server.json(["metrics", "show"]);
    assert_eq!(
        (&document["tasks"]["completed"], &document["tasks"]["success_ratio"]),
        (&1.into(), &1.0.into())
    );
    assert_eq!(document["requests"]["availability"], 1.0);
    // A log on standard output has no directory.
    assert_eq!(document["system"]["log_disk_ratio"], serde_json::Value::Null);
}

#[test]
fn a_service_that_does_not_count_works_all_the_same() {
    let server = Server::start_with(&[("TASKWARD__METRICS__ENABLED", "false")]);
    server.enqueue(&[]);
    server.work("true");
    server.cli(["metrics", "show"]).exits(4);
    let metrics = run(std::process::Command::new("curl")
        .args(["--silent", "--fail", "--noproxy", "*"])
        .arg(format!("{}/metrics", server.url())))
    .exits(0)
    .stdout;
    for (name, is_there) in [
        ("taskward_tasks_", false),
        ("taskward_http_", false),
        ("taskward_engine_commit_", false),
        ("process_open_fds", true),
        ("taskward_mode", true),
    ] {
        assert_eq!(metrics.contains(name), is_there, "{name}:\n{metrics}");
    }
    let alerts = server.json(["alerts", "list"]);
    let rules = alerts["alerts"].as_array().expect("alerts");
    let state = |name: &str| rules.iter().find(|rule| rule["rule"] == name).expect("a rule")["state"].clone();
    assert_eq!((state("ErrorRate"), state("DatabaseDown")), ("no_data".into(), "inactive".into()));
}

#[test]
fn nobody_there_and_nonsense_have_their_own_codes() {
    run(taskward().args(["metrics", "show", "--url", "http://127.0.0.1:1"])).exits(8);
    run(taskward().args(["metrics", "show", "nonsense"])).exits(2);
    run(taskward().args(["metrics", "show", "--window", "0s"])).exits(2);
    let server = Server::start();
    server.cli(["metrics", "show", "--window", "2h"]).exits(2);
}
