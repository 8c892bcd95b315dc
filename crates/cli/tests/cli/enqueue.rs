//! Creating tasks: one, many, and again.

use serde_json::json;

use crate::support::{CuttingProxy, Server, run, run_with};

#[test]
fn one_task_with_everything() {
    let server = Server::start();
    let words =
        "enqueue resize --queue images --priority 2 --timeout 5m --max-attempts 3 --tag a --tag b --delay 1h";
    let more = ["--metadata", r#"{"by":"test"}"#, "--payload", r#"{"n":1.50}"#, "--unique-key", "u"];
    let task = server.json(words.split(' ').chain(more));
    let expected = json!({
        "kind": "resize", "queue": "images", "state": "scheduled", "priority": 2, "timeout": "5m",
        "max_attempts": 3, "tags": ["a", "b"], "metadata": {"by": "test"},
        "unique": {"key": "u", "on_conflict": "return_existing"},
    });
    for (field, value) in expected.as_object().expect("an object") {
        assert_eq!(&task[field], value, "{field}");
    }
    let text = server.cli(["task", "get", task["id"].as_str().expect("an id")]).exits(0).stdout;
    assert!(text.contains(r#"payload   {"n":1.50}"#), "{text}");
    let again = server.json(["enqueue", "resize", "--queue", "images", "--unique-key", "u"]);
    assert_eq!((&again["id"], &again["duplicate"]), (&task["id"], &json!(true)));
}

#[test]
fn a_payload_comes_from_a_file_or_stdin() {
    let server = Server::start();
    std::fs::write(server.path("p.json"), " [1, 2]\n").expect("written");
    let id = server.enqueue(&["--payload", "@p.json"]);
    assert_eq!(server.task(&id)["payload"], json!([1, 2]));
    let mut command = server.command(["enqueue", "k", "--payload", "-", "-o", "json"]);
    assert_eq!(run_with(&mut command, b"{\"a\":1}\n").exits(0).json()["payload"], json!({"a": 1}));
}

#[test]
fn waiting_says_how_it_went() {
    let server = Server::start();
    let words = ["enqueue", "k", "--queue", "q", "--wait", "100ms"];
    let ended = server.cli(words).exits(10);
    assert!(ended.stderr.contains("[not_finished]") && ended.stderr.contains("goes on"), "{}", ended.stderr);
    server.work("true");
    let enqueued = crate::support::start(
        &mut server.command(["enqueue", "k", "--queue", "q", "--wait", "30s", "-o", "json"]),
    );
    crate::support::until("it is there", || server.json(["queue", "get", "q"])["totals"]["created"] == 2);
    server.work("echo 42");
    let task = crate::support::finish(enqueued).exits(0).json();
    assert_eq!((&task["state"], &task["result"]), (&json!("completed"), &json!(42)));

    let failing =
        crate::support::start(&mut server.command(["enqueue", "k", "--queue", "q", "--wait", "30s"]));
    crate::support::until("it is there", || server.json(["queue", "get", "q"])["totals"]["created"] == 3);
    server.work("exit 65");
    let ended = crate::support::finish(failing).exits(1);
    assert!(ended.stderr.contains("taskward task retry"), "{}", ended.stderr);
}

#[test]
fn five_thousand_lines_are_five_thousand_tasks() {
    let server = Server::start();
    let text: String = (0..5_000).map(|n| format!("line {n} \"ü\"\n")).collect();
    std::fs::write(server.path("lines"), &text).expect("written");
    let ended = server.cli(["enqueue", "k", "--queue", "lines", "--lines", "lines"]).exits(0);
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("5000 created\n", ""),
        "no progress off a terminal"
    );

    let ndjson: String = (0..5_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let mut command = server.command(["enqueue", "k", "--queue", "ndjson", "--ndjson", "-", "-o", "json"]);
    assert_eq!(run_with(&mut command, ndjson.as_bytes()).exits(0).json()["created"], 5_000);

    for queue in ["lines", "ndjson"] {
        let listed = server.json(["task", "list", "--queue", queue, "--all"]);
        let tasks = listed["tasks"].as_array().expect("a list");
        assert_eq!(tasks.len(), 5_000);
        let mut payloads: Vec<_> = tasks.iter().map(|task| task["payload"].to_string()).collect();
        payloads.sort_unstable();
        payloads.dedup();
        assert_eq!(payloads.len(), 5_000, "each line once");
    }
    assert_eq!(
        server.json(["task", "list", "--queue", "lines", "--limit", "1"])["tasks"][0]["payload"],
        "line 4999 \"ü\""
    );
}

#[test]
fn a_bad_line_in_a_stream_says_what_was_created_and_how_to_go_on() {
    let server = Server::start();
    let good: String = (0..1_500).map(|n| format!("{n}\n")).collect();
    let mut command = server.command(["enqueue", "k", "--queue", "q", "--ndjson", "-"]);
    let ended = run_with(&mut command, format!("{good}{{bad\n7\n").as_bytes()).exits(1);
    for part in ["[bad_line]", "line 1501 cannot be used", "state: 1500 created"] {
        assert!(ended.stderr.contains(part), "{part} is not in\n{}", ended.stderr);
    }
    // The first batch holds the bad line: nothing has been sent.
    let mut command = server.command(["enqueue", "k", "--queue", "other", "--ndjson", "-"]);
    run_with(&mut command, b"1\n{bad\n").exits(2);
    server.cli(["queue", "get", "other"]).exits(6);
    assert_eq!(server.json(["queue", "get", "q"])["totals"]["created"], 1_500);
}

#[test]
fn lines_that_the_service_refuses_are_named_and_the_others_created() {
    let server = Server::start();
    let large = format!("\"{}\"", "x".repeat(300 * 1024));
    std::fs::write(server.path("mixed"), format!("1\n{large}\n3\n")).expect("written");
    let mut command = server.command(["enqueue", "k", "--queue", "q", "--ndjson", "mixed", "-o", "json"]);
    let document = run(&mut command).exits(1).json();
    let progress = &document["progress"];
    assert_eq!((&progress["created"], &progress["refused"]), (&json!(2), &json!(1)));
    assert_eq!(progress["errors"][0]["line"], 2);
    assert!(progress["errors"][0]["message"].as_str().expect("text").starts_with("payload_too_large"));
}

#[test]
fn the_same_command_again_creates_nothing_again() {
    let server = Server::start();
    let text: String = (0..2_500).map(|n| format!("{n}\n")).collect();
    std::fs::write(server.path("lines"), text).expect("written");
    for _ in 0..2 {
        server
            .cli(["enqueue", "k", "--queue", "q", "--lines", "lines", "--idempotency-key", "run-1"])
            .exits(0);
    }
    assert_eq!(server.json(["queue", "get", "q"])["totals"]["created"], 2_500);
}

#[test]
fn a_lost_answer_creates_nothing_twice() {
    let server = Server::start();
    let proxy = CuttingProxy::start(&server.url(), 1);
    let mut command = server.command(["enqueue", "k", "--queue", "q"]);
    run(command.env("TASKWARD_URL", proxy.url())).exits(0);
    assert_eq!(proxy.lost(), 1);

    let proxy = CuttingProxy::start(&server.url(), 3);
    let text: String = (0..3_500).map(|n| format!("{n}\n")).collect();
    let mut command = server.command(["enqueue", "k", "--queue", "q", "--lines", "-"]);
    let ended = run_with(command.env("TASKWARD_URL", proxy.url()), text.as_bytes()).exits(0);
    assert_eq!(ended.stdout, "3500 created\n");
    assert!(proxy.lost() >= 3, "requests in flight at once are lost at once");
    assert_eq!(server.json(["queue", "get", "q"])["totals"]["created"], 3_501);
}
