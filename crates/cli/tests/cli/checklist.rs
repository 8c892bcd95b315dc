//! `taskward checklist`.

use crate::support::{Server, run, taskward, until};

#[test]
fn a_start_is_checked_by_evidence() {
    // How full the machine's disks are is not this test's affair.
    let server = Server::start_with(&[("TASKWARD__ALERTS__DISK_FULL_PERCENT", "99")]);
    // The tests' services log to standard output, which is this file.
    let log = server.path("serve.log");
    let log = log.to_str().expect("UTF-8");
    let words = ["checklist", "run", "start", "--file", log];
    until("the first sample", || server.cli(words).code == Some(0));
    let list = server.json(words);
    let verdicts: Vec<_> =
        list["checks"].as_array().expect("checks").iter().map(|check| &check["verdict"]).collect();
    assert_eq!(verdicts, ["pass"; 4], "{list}");
    // Without a file nobody knows what was logged.
    let unknown = server.cli(["checklist", "run", "start", "-o", "json"]).exits(4).json();
    assert_eq!(unknown["error"]["code"], "checklist");
    assert_eq!(unknown["checklist"]["checks"][2]["verdict"], "unknown");

    server.enqueue(&["--max-attempts", "1"]);
    server.work("exit 65");
    until("the line", || std::fs::read_to_string(log).is_ok_and(|lines| lines.contains("a task is dead")));
    let dirty = server.cli(words).exits(3);
    assert!(dirty.stdout.contains("FAIL") && dirty.stdout.contains("1 errors since the start"), "{dirty:#?}");
    assert!(dirty.stderr.contains("next:  taskward log errors --since 15m"), "{dirty:#?}");
}

#[test]
fn a_service_that_is_not_there_fails() {
    let mut command = taskward();
    command.args(["checklist", "run", "start", "--wait", "0s", "--url", "http://127.0.0.1:1"]);
    let gone = run(&mut command).exits(3);
    assert!(
        gone.stdout.contains("the process runs") && gone.stderr.contains("error[checklist]"),
        "{gone:#?}"
    );
}
