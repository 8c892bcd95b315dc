//! Timeouts, drains, lost leases, outages: when a worker's tasks begin and end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, finish, lines, run, signal, start, until};

/// A task that leaves the ids of itself and of what it started in `pids`, and runs for a minute.
const LONG: &str = "sleep 60 & echo $$ $! >> pids; wait";

fn alive(pid: &str) -> bool {
    // A zombie has ended; nobody has asked it how yet.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

fn pids(server: &Server) -> Vec<String> {
    lines(&server.path("pids"))
        .iter()
        .flat_map(|line| line.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn over_the_timeout_the_whole_group_is_killed() {
    let server = Server::start();
    let id = server.enqueue(&["--timeout", "1s", "--max-attempts", "1"]);
    server.work(LONG);
    let task = server.task(&id);
    assert_eq!((&task["state"], &task["errors"][0]["type"]), (&json!("dead"), &json!("timeout")));
    let pids = pids(&server);
    assert_eq!(pids.len(), 2);
    until("the grandchild has ended too", || !pids.iter().any(|pid| alive(pid)));
}

#[test]
fn a_group_that_ignores_sigterm_is_killed_too() {
    let server = Server::start();
    let id = server.enqueue(&["--timeout", "1s", "--max-attempts", "1"]);
    let began = Instant::now();
    server.work("trap '' TERM; (trap '' TERM; echo $$ > pids; while :; do sleep 1; done) & wait; sleep 60");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(server.task(&id)["errors"][0]["type"], "timeout");
}

#[test]
fn until_empty_waits_for_what_is_scheduled_and_for_what_others_run() {
    let server = Server::start();
    // Queues that never had a task are empty.
    let ended = server.work("true");
    assert!(ended.stdout.starts_with("0 completed, 0 failed, 0 released in "), "{}", ended.stdout);
    server.enqueue(&["--delay", "1500ms"]);
    let other = start(&mut server.worker(&["--until-empty"], "echo other >> ran; sleep 1"));
    let ended = server.work("echo this >> ran; sleep 1");
    let other = finish(other).exits(0);
    assert_eq!(lines(&server.path("ran")).len(), 1, "one of the two ran it");
    let count = |text: &str| text.split(' ').next().and_then(|n| n.parse::<u32>().ok()).expect("a count");
    assert_eq!(count(&ended.stdout) + count(&other.stdout), 1, "both waited until it was done");
}

#[test]
fn counts_are_one_document_with_json() {
    let server = Server::start();
    server.enqueue(&[]);
    server.enqueue(&["--max-attempts", "1", "--payload", "1"]);
    let mut worker =
        server.worker(&["--until-empty", "-o", "json", "--worker-id", "me"], "[ $(cat) = null ]");
    let counts = run(&mut worker).exits(0).json();
    assert_eq!(
        (&counts["claimed"], &counts["completed"], &counts["failed"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(counts["worker_id"], "me");
}

#[test]
fn flags_win_over_the_workers_section_of_the_configuration() {
    let server = Server::start();
    // Each task says how many run at the same time.
    let script = "touch run-$TASKWARD_TASK_ID; sleep 1; ls run-* | wc -l; rm run-$TASKWARD_TASK_ID";
    let together = |flags: &[&str], concurrency: &str| -> Vec<Value> {
        let ids = [server.enqueue(&[]), server.enqueue(&[])];
        let flags: Vec<_> = flags.iter().copied().chain(["--until-empty"]).collect();
        run(server.worker(&flags, script).env("TASKWARD__WORKER__CONCURRENCY", concurrency)).exits(0);
        ids.iter().map(|id| server.task(id)["result"].clone()).collect()
    };
    assert_eq!(together(&[], "1"), [json!(1), json!(1)]);
    assert_eq!(together(&["--concurrency", "1"], "2"), [json!(1), json!(1)]);
    let ended = run(server.worker(&[], "true").env("TASKWARD__WORKER__CONCURRENCY", "0")).exits(2);
    assert!(ended.stderr.contains("[config_invalid]"), "{}", ended.stderr);
}

#[test]
fn sigterm_lets_running_tasks_finish_and_claims_nothing_more() {
    let server = Server::start();
    let ids: Vec<_> = (0..3).map(|_| server.enqueue(&[])).collect();
    let script = "echo $TASKWARD_TASK_ID >> began; until [ -e go ]; do sleep 0.05; done; echo finished";
    let worker = start(&mut server.worker(&["--concurrency", "1"], script));
    until("a task runs", || lines(&server.path("began")).len() == 1);
    signal(worker.id(), "TERM");
    std::fs::write(server.path("go"), "").expect("written");
    let ended = finish(worker).exits(0);
    assert!(ended.stdout.starts_with("1 completed, 0 failed, 0 released"), "{ended:?}");
    let states: Vec<_> =
        ids.iter().map(|id| server.task(id)["state"].as_str().map(ToOwned::to_owned)).collect();
    assert_eq!(states, ["completed", "available", "available"].map(|state| Some(state.to_owned())));
}

#[test]
fn a_closed_terminal_drains_unless_it_is_ignored() {
    let server = Server::start();
    let script = "echo $PPID >> began; until [ -e go ]; do sleep 0.05; done";
    server.enqueue(&[]);
    let worker = start(&mut server.worker(&[], script));
    until("the task runs", || lines(&server.path("began")).len() == 1);
    signal(worker.id(), "HUP");
    std::fs::write(server.path("go"), "").expect("written");
    assert!(finish(worker).exits(0).stdout.starts_with("1 completed"));

    std::fs::remove_file(server.path("go")).expect("removed");
    let (first, second) = (server.enqueue(&[]), server.enqueue(&[]));
    let mut nohup = std::process::Command::new("nohup");
    let plain = server.worker(&["--until-empty", "--concurrency", "1"], script);
    nohup.arg(plain.get_program()).args(plain.get_args()).current_dir(server.path(""));
    let worker = start(nohup.env("TASKWARD_URL", server.url()));
    until("the task runs", || lines(&server.path("began")).len() == 2);
    signal(worker.id(), "HUP");
    std::fs::write(server.path("go"), "").expect("written");
    finish(worker).exits(0);
    for id in [first, second] {
        assert_eq!(server.task(&id)["state"], "completed", "the worker went on");
    }
}

#[test]
fn what_does_not_finish_in_time_is_given_back() {
    let server = Server::start();
    let id = server.enqueue(&[]);
    let worker = start(&mut server.worker(&["--drain-timeout", "200ms"], LONG));
    until("the task runs", || pids(&server).len() == 2);
    signal(worker.id(), "INT");
    let ended = finish(worker).exits(0);
    assert!(ended.stdout.starts_with("0 completed, 0 failed, 1 released"), "{ended:?}");
    let task = server.task(&id);
    assert_eq!(
        (&task["state"], &task["attempt"], &task["errors"]),
        (&json!("available"), &json!(0), &json!([]))
    );
    until("nothing of it is left", || !pids(&server).iter().any(|pid| alive(pid)));
}

#[test]
fn a_second_signal_ends_at_once() {
    let server = Server::start();
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        server.enqueue(&[]);
        let before = pids(&server).len();
        let worker = start(&mut server.worker(&[], LONG));
        until("the task runs", || pids(&server).len() == before + 2);
        signal(worker.id(), name);
        // Two signals of a kind that are pending at once are one; the second must come after the first.
        until("it has ended by the second signal", || {
            signal_if_alive(worker.id(), name);
            !alive(&worker.id().to_string())
        });
        finish(worker).exits(code);
        until("nothing of the task is left", || !pids(&server).iter().any(|pid| alive(pid)));
    }
}

fn signal_if_alive(pid: u32, name: &str) {
    if alive(&pid.to_string()) {
        let _ = std::process::Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
    }
}

#[test]
fn a_long_task_keeps_its_lease() {
    let server = Server::start();
    let id = server.enqueue(&[]);
    let mut worker = server.worker(&["--lease", "1s", "--until-empty"], "echo x >> ran; sleep 3");
    run(&mut worker).exits(0);
    let task = server.task(&id);
    assert_eq!(
        (&task["state"], &task["attempt"], &task["crashes"]),
        (&json!("completed"), &json!(1), &json!(0))
    );
    assert_eq!(lines(&server.path("ran")).len(), 1);
}

#[test]
fn cancelling_stops_the_running_command() {
    let server = Server::start();
    let id = server.enqueue(&[]);
    let worker = start(&mut server.worker(&["--lease", "1s", "--until-empty"], LONG));
    until("the task runs", || pids(&server).len() == 2);
    let cancelled = server.cli(["task", "cancel", &id]).exits(0);
    assert!(cancelled.stdout.contains("asked to stop"), "{}", cancelled.stdout);
    let ended = finish(worker).exits(0);
    assert!(ended.stdout.contains("1 cancelled"), "{}", ended.stdout);
    assert_eq!(server.task(&id)["state"], "cancelled");
    until("nothing of it is left", || !pids(&server).iter().any(|pid| alive(pid)));
}

#[test]
fn a_crash_of_the_service_loses_nothing_and_runs_nothing_twice() {
    let mut server = Server::start();
    let id = server.enqueue(&[]);
    let script = "echo x >> ran; until [ -e go ]; do sleep 0.05; done; echo finished";
    let worker = start(&mut server.worker(&["--until-empty"], script));
    until("the task runs", || lines(&server.path("ran")).len() == 1);
    server.crash();
    // The result is ready while nobody is there to take it.
    std::fs::write(server.path("go"), "").expect("written");
    server.restart();
    let ended = finish(worker).exits(0);
    assert!(ended.stdout.starts_with("1 completed"), "{ended:?}");
    assert_eq!(server.task(&id)["result"], "finished");
    assert_eq!(lines(&server.path("ran")).len(), 1);
}

#[test]
fn when_heartbeats_fail_for_a_lease_the_task_is_stopped() {
    let mut server = Server::start();
    let id = server.enqueue(&[]);
    let worker = start(&mut server.worker(&["--lease", "2s"], LONG));
    until("the task runs", || pids(&server).len() == 2);
    server.crash();
    until("the lease is over, and with it the task", || !pids(&server).iter().any(|pid| alive(pid)));
    signal(worker.id(), "TERM");
    server.restart();
    finish(worker);
    let state = server.task(&id)["state"].clone();
    assert!(state == "available" || state == "running", "{state}");
}
