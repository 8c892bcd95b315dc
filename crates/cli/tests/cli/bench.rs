//! `taskward bench`: what it counts is what the service has done, and it leaves nothing behind.

use serde_json::{Value, json};
use taskward_testkit::postgres::TempPostgres;

use crate::support::{Server, finish, run, signal, start, taskward, until};

/// Little enough for a test.
const SMALL: [&str; 8] = ["--tasks", "300", "--duration", "300ms", "--batch", "50", "--in-flight", "8"];
const ALL: [&str; 6] = ["single", "one_by_one", "batch", "drain", "steady", "latency"];

fn result<'a>(report: &'a Value, scenario: &str) -> &'a Value {
    let results = report["results"].as_array().expect("results");
    results.iter().find(|result| result["scenario"] == scenario).expect(scenario)
}

/// The books are right, and the numbers are numbers.
#[track_caller]
fn must_be_sound(report: &Value) {
    let balance = &report["balance"];
    assert_eq!((&balance["agrees"], &balance["left"]), (&json!(true), &json!(0)), "{balance}");
    for (ours, service) in [
        ("added_acknowledged", "added_by_service"),
        ("completed_acknowledged", "completed_by_service"),
        ("added_acknowledged", "completed_acknowledged"),
    ] {
        assert_eq!(balance[ours], balance[service], "{ours}, {service}");
    }
    for result in report["results"].as_array().expect("results") {
        let number = |name: &str| result[name].as_f64().unwrap_or_default();
        assert!(number("tasks") > 0.0 && number("seconds") > 0.0, "{result}");
        assert!(number("tasks_per_second") > 0.0 && number("statements_per_task") > 0.0, "{result}");
        for latency in result["latencies"].as_array().expect("latencies") {
            let at = |name: &str| latency[name].as_f64().expect(name);
            assert!(at("p50_ms") > 0.0 && at("p50_ms") <= at("p99_ms"), "{latency}");
            assert!(at("p99_ms") <= at("p999_ms") && at("p999_ms") <= at("max_ms"), "{latency}");
        }
    }
}

/// No queue of a service has an unfinished task.
#[track_caller]
fn must_be_empty(server: &Server) {
    for queue in server.json(["queue", "list"])["queues"].as_array().expect("queues") {
        let depth = &queue["depth"];
        assert_eq!(*depth, json!({"scheduled": 0, "available": 0, "running": 0}), "{queue}");
        assert!(queue["name"].as_str().is_some_and(|name| name.starts_with("bench-")), "{queue}");
    }
}

#[test]
fn a_service_of_its_own_is_measured_and_removed() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = taskward();
    // Somebody's key and URL are for another service than this one.
    command.env("API_KEY", "another-services-key").env("TASKWARD_URL", "http://127.0.0.1:1");
    command.args(["bench", "--embedded", "-o", "json"]).args(SMALL).env("TMPDIR", directory.path());
    let ended = run(&mut command).exits(0);
    let report = ended.json();
    assert_eq!(ended.stderr, "", "no terminal, no progress");
    must_be_sound(&report);
    let ran: Vec<_> = report["results"].as_array().expect("results").iter().map(|r| &r["scenario"]).collect();
    assert_eq!(ran, ALL);
    assert_eq!(
        (&report["service"]["database"], &report["service"]["embedded"]),
        (&json!("sqlite"), &json!(true))
    );
    assert_eq!(result(&report, "batch")["added"], 300);
    assert!(result(&report, "drain")["completed"].as_u64() >= Some(300));
    assert!(result(&report, "drain")["rss_bytes_max"].as_u64() > Some(1024 * 1024));
    assert!(result(&report, "drain")["service_cores"].is_number());
    assert_eq!(result(&report, "drain")["wal_bytes_per_task"], Value::Null, "SQLite has no such position");
    assert_eq!(report["service"]["durability"], "journal_mode=wal, synchronous=full");
    assert_eq!(report["settings"]["payload_bytes"], 200);
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0, "nothing is left");
}

#[test]
fn a_running_service_is_measured_in_rounds() {
    let server = Server::start();
    let words = ["bench", "--scenario", "drain,single", "--rounds", "2"];
    let text = server.cli(words.into_iter().chain(SMALL)).exits(0).stdout;
    for part in
        ["SCENARIO", "ROUND", "TASKS/S", "MEDIAN", "P99.9", "acknowledged", "payload 200 B", "; 0 left"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Nobody knows the memory of a service from outside, and nobody has looked at its database.
    assert!(text.contains('–') && text.find("single") < text.find("drain"), "{text}");
    must_be_empty(&server);
}

#[test]
fn postgres_says_how_far_its_log_moved() {
    let postgres = TempPostgres::start_without_fsync();
    let (url, other) = (postgres.create_database(), postgres.create_database());
    let server = Server::start_with(&[("DATABASE_URL", &url)]);
    let bench = |database: &str| {
        let mut command = server.command(["bench", "-o", "json"].into_iter().chain(SMALL));
        run(command.env("DATABASE_URL", database)).exits(0).json()
    };
    let report = bench(&url);
    must_be_sound(&report);
    assert_eq!(report["service"]["database"], "postgres");
    assert_eq!(report["service"]["durability"], "fsync=off, full_page_writes=off, synchronous_commit=on");
    for result in report["results"].as_array().expect("results") {
        assert!(result["wal_bytes_per_task"].as_f64() > Some(100.0), "{result}");
    }
    must_be_empty(&server);

    let report = bench(&other);
    assert_eq!(result(&report, "drain")["wal_bytes_per_task"], Value::Null);
    assert!(report["notes"].to_string().contains("not the service's"), "{}", report["notes"]);
}

#[test]
fn a_service_of_its_own_uses_the_configured_postgres_and_says_so() {
    let postgres = TempPostgres::start_without_fsync();
    let mut command = taskward();
    command.args(["bench", "--embedded", "--scenario", "single", "-o", "json"]).args(SMALL);
    let ended = run(command.env("DATABASE_URL", postgres.create_database())).exits(0);
    assert!(ended.stderr.contains("measuring on postgres://"), "{}", ended.stderr);
    must_be_sound(&ended.json());
    assert_eq!(ended.json()["service"]["database"], "postgres");
    assert!(result(&ended.json(), "single")["wal_bytes_per_task"].is_number());
}

#[test]
fn interrupted_it_tidies_up() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start();
    let long = ["bench", "--scenario", "batch,single", "--tasks", "100000000", "--duration", "1h"];
    let running = start(&mut server.command(long));
    until("it adds", || server.json(["queue", "list"])["queues"][0]["depth"]["available"].as_u64() > Some(0));
    signal(running.id(), "INT");
    let ended = finish(running).exits(130);
    assert!(
        ended.stderr.contains("[interrupted]") && ended.stderr.contains("is finished"),
        "{}",
        ended.stderr
    );
    must_be_empty(&server);

    let mut embedded = taskward();
    let running = start(embedded.args(long).arg("--embedded").env("TMPDIR", directory.path()));
    let left = || std::fs::read_dir(directory.path()).expect("a directory").count();
    until("it starts", || left() > 0);
    signal(running.id(), "TERM");
    finish(running).exits(143);
    assert_eq!(left(), 0);
}

#[test]
fn production_wants_to_be_asked() {
    let key = ("API_KEY", "0123456789abcdef0123456789abcdef");
    let server = Server::start_with(&[("APP_ENV", "prod"), key]);
    let bench = |more: &[&str]| {
        let words = ["bench", "--scenario", "batch"].into_iter().chain(SMALL).chain(more.iter().copied());
        run(server.command(words).env(key.0, key.1))
    };
    let refused = bench(&[]).exits(9);
    assert!(
        refused.stderr.contains("[not_confirmed]") && refused.stderr.contains("production"),
        "{refused:?}"
    );
    bench(&["--yes"]).exits(0);
    let without_key = run(&mut server.command(["bench", "--yes"])).exits(5);
    assert!(without_key.stderr.contains("[unauthorized]"), "{without_key:?}");
}

#[test]
fn what_cannot_be_measured_is_said() {
    let fails = |words: &[&str], code: i32, said: &str| {
        let ended = run(taskward().arg("bench").args(words)).exits(code);
        assert!(ended.stderr.contains(said), "{words:?}: {}", ended.stderr);
    };
    fails(&["--url", "http://127.0.0.1:1"], 8, "[unreachable]");
    fails(&["--url", "https://127.0.0.1:1"], 2, "[invalid_url]");
    fails(&["--scenario", "drian"], 2, "'drain'");
    fails(&["--duration", "0s"], 2, "more than 0s");
    fails(&["--rate", "0"], 2, "'0'");
    fails(&["--batch", "10000", "--payload", "262144"], 2, "64 MiB");
}
