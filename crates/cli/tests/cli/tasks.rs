//! Looking at tasks and queues, and changing them.

use std::process::Stdio;

use serde_json::json;

use crate::support::{Server, finish, start};

#[test]
fn lists_are_filtered_and_paged() {
    let server = Server::start();
    let ids: Vec<_> = (0..5).map(|_| server.enqueue(&["--tag", "t"])).collect();
    server.enqueue(&[]);
    let page = server.json(["task", "list", "--tag", "t", "--limit", "3"]);
    let listed = |page: &serde_json::Value| -> Vec<String> {
        page["tasks"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|t| t["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    assert_eq!(listed(&page), [&*ids[4], &*ids[3], &*ids[2]]);
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let rest = server.json(["task", "list", "--tag", "t", "--limit", "3", "--cursor", cursor]);
    assert_eq!(listed(&rest), [&*ids[1], &*ids[0]]);
    let all = server.json(["task", "list", "--all", "--limit", "2"]);
    assert_eq!((listed(&all).len(), &all["next_cursor"]), (6, &json!(null)));
    assert_eq!(listed(&server.json(["task", "list", "--state", "dead", "--all"])), [""; 0]);

    let text = server.cli(["task", "list", "--limit", "1"]).exits(0).stdout;
    assert!(text.starts_with("ID ") && text.contains("available") && text.contains("--cursor"), "{text}");
    let text = server.cli(["task", "list", "--all", "--limit", "2"]).exits(0).stdout;
    assert_eq!(text.lines().filter(|line| line.starts_with("ID ")).count(), 1, "one header: {text}");
    assert_eq!(text.lines().count(), 7);
    assert_eq!(server.cli(["task", "list", "--kind", "none"]).exits(0).stdout, "no tasks\n");
}

#[test]
fn cancel_and_retry_move_tasks_and_a_dry_run_does_not() {
    let server = Server::start();
    let id = server.enqueue(&[]);
    let planned = server.cli(["task", "cancel", &id, "--dry-run"]).exits(0);
    assert!(planned.stdout.contains("cancel would be done"), "{}", planned.stdout);
    assert_eq!(server.task(&id)["state"], "available");
    server.cli(["task", "cancel", &id]).exits(0);
    assert_eq!(server.task(&id)["state"], "cancelled");
    for verb in ["cancel", "retry"] {
        for dry_run in [&[][..], &["--dry-run"]] {
            let ended = server.cli(["task", verb, &id].into_iter().chain(dry_run.iter().copied())).exits(7);
            assert!(ended.stderr.contains("[invalid_state]"), "{}", ended.stderr);
        }
    }

    let dead = server.enqueue(&[]);
    server.work("exit 65");
    server.cli(["task", "retry", &dead, "--dry-run"]).exits(0);
    assert_eq!(server.task(&dead)["state"], "dead");
    let document = server.json(["task", "retry", &dead]);
    assert_eq!(document["results"][0]["task"]["state"], "available");
}

#[test]
fn of_several_tasks_each_says_what_became_of_it() {
    let server = Server::start();
    let (one, two) = (server.enqueue(&[]), server.enqueue(&[]));
    let none = "0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6";
    let mut command = server.command(["task", "cancel", &one, none, &two, "-o", "json"]);
    let document = crate::support::run(&mut command).exits(1).json();
    assert_eq!(document["error"]["state"], "2 of 3 tasks were changed");
    assert_eq!(document["results"][1]["error"]["code"], "not_found");
    assert_eq!(
        (server.task(&one)["state"].clone(), server.task(&two)["state"].clone()),
        (json!("cancelled"), json!("cancelled"))
    );
    server.cli(["task", "cancel", &one, &two]).exits(7);
}

#[test]
fn a_paused_queue_gives_out_nothing() {
    let server = Server::start();
    server.cli(["queue", "pause", "q", "--dry-run"]).exits(0);
    server.cli(["queue", "pause", "q"]).exits(0);
    let id = server.enqueue(&[]);
    assert_eq!(server.json(["queue", "get", "q"])["paused"], true);
    let planned = server.json(["queue", "resume", "q", "--dry-run"]);
    assert_eq!((&planned["paused"], &planned["would_be_paused"]), (&json!(true), &json!(false)));
    let text = server.cli(["queue", "list"]).exits(0).stdout;
    assert!(text.lines().any(|line| line.starts_with("q ") && line.contains("paused")), "{text}");
    let ended = server.cli(["task", "get", &id, "--wait", "100ms"]).exits(10);
    assert!(ended.stderr.contains("the task is available after 100ms"), "{}", ended.stderr);
    server.cli(["queue", "resume", "q"]).exits(0);
    server.work("true");
    assert_eq!(server.json(["task", "get", &id, "--wait", "5s"])["state"], "completed");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let server = Server::start();
    let lines: String = (0..3_000).map(|n| format!("{n}\n")).collect();
    std::fs::write(server.path("lines"), lines).expect("written");
    server.cli(["enqueue", "k", "--lines", "lines"]).exits(0);
    for words in [&["task", "list", "--all"][..], &["task", "list", "--all", "-o", "json"]] {
        let mut listing = start(server.command(words.iter().copied()).stdin(Stdio::null()));
        drop(listing.stdout.take());
        let ended = finish(listing).exits(0);
        assert_eq!(ended.stderr, "");
    }
}

#[test]
fn text_of_tasks_does_not_steer_the_terminal() {
    let server = Server::start();
    let id = server.enqueue(&["--max-attempts", "1"]);
    server.work("printf '\\033[2Jgone' >&2; exit 65");
    let text = server.cli(["task", "get", &id]).exits(0).stdout;
    assert!(text.contains("gone") && !text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn health_of_a_live_service() {
    let mut server = Server::start();
    assert!(server.cli(["health", "live"]).exits(0).stdout.starts_with("OK: "));
    assert_eq!(server.json(["health", "ready"])["verdict"], "pass");
    server.crash();
    server.cli(["health", "live"]).exits(8);
}
