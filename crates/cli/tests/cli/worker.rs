//! What a command's end means for its task.

use serde_json::{Value, json};

use crate::support::{Server, lines};

/// Runs one task through a script, and says what became of it.
fn outcome(server: &Server, more: &[&str], script: &str) -> Value {
    let id = server.enqueue(more);
    server.work(script);
    server.task(&id)
}

const ONCE: [&str; 2] = ["--max-attempts", "1"];

#[test]
fn stdout_of_a_success_is_the_result() {
    let server = Server::start();
    for (script, result) in [
        ("echo '{\"n\": 1}'", json!({"n": 1})),
        ("echo plain text", json!("plain text")),
        ("printf 'two\\nlines\\n'", json!("two\nlines")),
        ("true", Value::Null),
        ("echo to stderr >&2", Value::Null),
    ] {
        let task = outcome(&server, &[], script);
        assert_eq!((&task["state"], &task["result"]), (&json!("completed"), &result), "{script}");
    }
}

#[test]
fn payload_comes_on_stdin_and_the_task_in_the_environment() {
    let server = Server::start();
    for (payload, stdin) in
        [("\"a \\\"b\\\" ü\"", "a \"b\" ü"), ("{\"a\": [1, 2.50]}", "{\"a\": [1, 2.50]}"), ("null", "null")]
    {
        let id = server.enqueue(&["--payload", payload]);
        server
            .work("cat > stdin; echo \"$TASKWARD_TASK_ID $TASKWARD_KIND $TASKWARD_QUEUE $TASKWARD_ATTEMPT\"");
        assert_eq!(std::fs::read_to_string(server.path("stdin")).expect("written"), stdin);
        assert_eq!(server.task(&id)["result"], format!("{id} k q 1"));
    }
}

#[test]
fn a_command_that_does_not_read_its_payload_is_in_its_right() {
    let server = Server::start();
    let large = server.path("large.json");
    std::fs::write(&large, format!("\"{}\"", "x".repeat(250 * 1024))).expect("written");
    let task = outcome(&server, &["--payload", &format!("@{}", large.display())], "exec <&-; echo done");
    assert_eq!((&task["state"], &task["result"]), (&json!("completed"), &json!("done")));
}

#[test]
fn exit_65_fails_for_good() {
    let server = Server::start();
    let task = outcome(&server, &[], "echo bad input >&2; exit 65");
    assert_eq!((&task["state"], &task["dead_reason"]), (&json!("dead"), &json!("not_retryable")));
    assert_eq!((&task["attempt"], &task["errors"][0]["message"]), (&json!(1), &json!("bad input")));
}

#[test]
fn exit_75_gives_the_task_back_without_an_attempt() {
    let server = Server::start();
    let task = outcome(&server, &[], "[ -e seen ] && exit 0; touch seen; exit 75");
    assert_eq!((&task["state"], &task["attempt"]), (&json!("completed"), &json!(1)));
    assert_eq!(task["errors"], json!([]));
}

#[test]
fn any_other_exit_fails_with_the_end_of_stderr() {
    let server = Server::start();
    let script = "head -c 100000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 3";
    let task = outcome(&server, &ONCE, script);
    let message = task["errors"][0]["message"].as_str().expect("a message");
    assert!(message.ends_with("xthe end") && message.len() <= 4096, "{} bytes", message.len());
    assert_eq!((&task["state"], &task["errors"][0]["type"]), (&json!("dead"), &json!("exit_3")));
    let silent = outcome(&server, &ONCE, "exit 7");
    assert!(silent["errors"][0]["message"].as_str().is_some_and(|text| text.contains("exit status 7")));
}

#[test]
fn a_signal_is_named() {
    let server = Server::start();
    let task = outcome(&server, &ONCE, "kill -SEGV $$");
    let message = task["errors"][0]["message"].as_str().expect("a message");
    assert!(message.contains("SIGSEGV (11)"), "{message}");
    assert_eq!(task["errors"][0]["type"], "signal");
}

#[test]
fn failed_attempts_are_retried() {
    let server = Server::start();
    let body = r#"{"kind":"k","queue":"q","retry":{"initial":"10ms","jitter":0}}"#;
    // The retry policy has no flag; the task is created as another SDK would.
    let id = post_task(&server, body);
    server.work("echo $TASKWARD_ATTEMPT >> attempts; [ $TASKWARD_ATTEMPT = 3 ]");
    assert_eq!(lines(&server.path("attempts")), ["1", "2", "3"]);
    let task = server.task(&id);
    assert_eq!((&task["state"], task["errors"].as_array().map(Vec::len)), (&json!("completed"), Some(2)));
}

#[test]
fn too_large_a_result_fails_for_good_and_says_so() {
    let server = Server::start();
    // More than the service takes, then more than the worker keeps.
    for (size, kind) in [("300000", "result_too_large"), ("9000000", "result_too_large")] {
        let task = outcome(&server, &[], &format!("head -c {size} /dev/zero | tr '\\0' x"));
        let error = &task["errors"][0];
        assert_eq!((&task["state"], &error["type"]), (&json!("dead"), &json!(kind)), "{error}");
        assert!(!error["message"].as_str().expect("a message").is_empty());
    }
}

#[test]
fn output_held_open_in_the_background_does_not_hold_the_task() {
    let server = Server::start();
    let id = server.enqueue(&[]);
    let began = std::time::Instant::now();
    server.work("sleep 60 & echo $! > background; echo done");
    assert!(began.elapsed() < std::time::Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(server.task(&id)["result"], "done");
    let background = &lines(&server.path("background"))[0];
    crate::support::signal(background.parse().expect("a pid"), "KILL");
}

fn post_task(server: &Server, body: &str) -> String {
    use std::io::{Read, Write};
    let address = server.url().trim_start_matches("http://").to_owned();
    let mut stream = std::net::TcpStream::connect(&address).expect("connected");
    write!(
        stream,
        "POST /api/v1/tasks HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let task: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    task["id"].as_str().expect("an id").to_owned()
}
