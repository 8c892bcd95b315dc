//! The database, past the service: is it whole, and can it be elsewhere?

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use taskward_testkit::postgres::TempPostgres;

use crate::support::{Run, Server, run, taskward};

/// A command on an SQLite file in a directory.
fn on(directory: &Path, words: &[&str]) -> Run {
    run(taskward().args(words).current_dir(directory).env("DATABASE_URL", "sqlite:taskward.db"))
}

fn sql(directory: &Path, text: &str) {
    let connection = rusqlite::Connection::open(directory.join("taskward.db")).expect("open");
    connection.execute_batch(text).expect("the SQL runs");
}

#[test]
fn check_runs_beside_a_service_and_names_what_is_wrong() {
    let server = Server::start();
    let id = server.enqueue(&[]);
    server.enqueue(&["--delay", "1h"]);
    let directory = server.path("");
    let ok = on(&directory, &["db", "check"]).exits(0);
    assert!(ok.stdout.contains("invariants hold") && !ok.stdout.contains("FAILED"), "{}", ok.stdout);
    assert_eq!(ok.stderr, "");
    let report = on(&directory, &["db", "check", "-o", "json"]).exits(0).json();
    assert_eq!((&report["status"], &report["invariants"][0]["status"]), (&"ok".into(), &"ok".into()));

    sql(
        &directory,
        "PRAGMA ignore_check_constraints = ON; UPDATE tasks SET deadline_at = 1 WHERE state = 'available'",
    );
    let failed = on(&directory, &["db", "check"]).exits(3);
    let line = format!("task {id}: it is available and holds a lease");
    assert!(failed.stdout.contains(&line) && failed.stdout.contains("FAILED   leases"), "{}", failed.stdout);
    assert!(failed.stderr.contains("[db_check]"), "{}", failed.stderr);
    let document = on(&directory, &["db", "check", "-o", "json"]).exits(3).json();
    let invariants = document["report"]["invariants"].as_array().expect("a list").clone();
    let leases = invariants.iter().find(|invariant| invariant["id"] == "leases").expect("leases");
    assert_eq!((&leases["violations"], &leases["examples"][0]["task"]), (&1.into(), &id.into()));
    assert_eq!(document["report"]["status"], "failed");
}

#[test]
fn a_file_that_is_no_database_any_more_fails_the_check() {
    let directory = tempfile::tempdir().expect("a directory");
    on(directory.path(), &["migrate", "up"]).exits(0);
    let file = directory.path().join("taskward.db");
    let sound = std::fs::read(&file).expect("read");
    for (what, range) in [("the header", 0..16), ("the schema", 100..4096)] {
        let mut broken = sound.clone();
        broken[range].fill(0x5a);
        std::fs::write(&file, broken).expect("written");
        let failed = on(directory.path(), &["db", "check"]).exits(3);
        assert!(failed.stdout.contains("FAILED   storage"), "{what}: {failed:?}");
    }
}

#[test]
fn what_there_was_no_time_for_is_never_a_pass() {
    let server = Server::start();
    let lines: String = (0..5_000).map(|number| format!("{number}\n")).collect();
    std::fs::write(server.path("lines"), lines).expect("written");
    server.cli(["enqueue", "k", "--queue", "q", "--lines", "lines"]).exits(0);
    let unknown = on(&server.path(""), &["db", "check", "--timeout", "1ms"]).exits(4);
    assert!(unknown.stdout.contains("UNKNOWN") && unknown.stderr.contains("[db_check]"), "{unknown:?}");
}

#[test]
fn bad_input_changes_nothing_and_has_its_code() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let nowhere = "postgres://u:hunter2@127.0.0.1:1/d";
    std::fs::write(path.join("open.url"), nowhere).expect("written");
    std::fs::set_permissions(path.join("open.url"), std::fs::Permissions::from_mode(0o644)).expect("set");
    on(path, &["db", "check"]).exits(6);
    on(path, &["migrate", "plan"]).exits(6);
    on(path, &["db", "move", "--to", nowhere]).exits(6);
    assert!(!path.join("taskward.db").exists(), "looking makes no file");
    on(path, &["migrate", "up"]).exits(0);
    let cases: [(&[&str], i32, &str); 16] = [
        (&["db"], 2, "check"),
        (&["db", "chekc"], 2, "'check'"),
        (&["db", "check", "--timeout", "0s"], 2, "more than 0s"),
        (&["db", "check", "--timeout", "soon"], 2, "'soon'"),
        (&["db", "check", "--examples", "0"], 2, "'0'"),
        (&["db", "move"], 2, "--to"),
        (&["db", "move", "--to", "mysql://h/d"], 2, "[invalid_database_url]"),
        (&["db", "move", "--to", "sqlite:other.db"], 2, "[same_kind]"),
        (&["db", "move", "--to", "@missing.url"], 2, "[secret_file_refused]"),
        (&["db", "move", "--to", "@open.url"], 2, "chmod 600 open.url"),
        (&["db", "move", "--to", nowhere], 8, "[database_unavailable]"),
        (&["db", "move", "--to", nowhere, "--dry-run"], 8, "nothing was changed"),
        (&["db", "move", "--from", nowhere, "--to", "sqlite:other.db"], 8, "postgres://u:***@127.0.0.1:1/d"),
        (&["db", "move", "--from", "sqlite:none.db", "--to", nowhere], 6, "[no_database]"),
        (&["migrate", "plan", "--to", "999"], 2, "[unknown_migration]"),
        (&["migrate", "plan", "--to", "x"], 2, "'x'"),
    ];
    for (words, code, part) in cases {
        let ended = on(path, words).exits(code);
        assert!(ended.stderr.contains(part), "{words:?}: {part:?} is not in\n{}", ended.stderr);
        assert!(!format!("{ended:?}").contains("hunter2"), "{words:?}");
    }
    assert!(!path.join("other.db").exists());
    on(path, &["migrate", "down", "--to", "0", "--accept-data-loss", "--no-backup", "--yes"]).exits(0);
    let old = on(path, &["db", "check"]).exits(5);
    assert!(old.stderr.contains("[schema_too_old]"), "{}", old.stderr);
    let away = run(taskward().args(["db", "check"]).current_dir(path).env("DATABASE_URL", nowhere)).exits(8);
    assert!(!format!("{away:?}").contains("hunter2"));
}

#[test]
fn data_is_only_lost_when_that_was_accepted() {
    let mut server = Server::start();
    server.enqueue(&[]);
    server.stop();
    let directory = server.path("");
    let plan = on(&directory, &["migrate", "plan", "--to", "0"]).exits(0);
    assert!(
        plan.stdout.contains("DROP TABLE tasks") && plan.stdout.contains("LOSES tasks (1 rows)"),
        "{plan:?}"
    );
    let document = on(&directory, &["migrate", "plan", "--to", "0", "-o", "json"]).exits(0).json();
    assert_eq!((&document["loses_data"], &document["direction"]), (&true.into(), &"down".into()));
    let refused = on(&directory, &["migrate", "down", "--to", "0", "--yes"]).exits(5);
    assert!(
        refused.stderr.contains("[data_loss]") && refused.stderr.contains("tasks (1 rows)"),
        "{refused:?}"
    );
    let document = on(&directory, &["migrate", "down", "--to", "0", "--yes", "-o", "json"]).exits(5).json();
    assert_eq!(document["plan"]["loses_data"], true);
    on(&directory, &["migrate", "down", "--to", "0", "--accept-data-loss"]).exits(9);
    assert_eq!(on(&directory, &["db", "check"]).exits(0).code, Some(0), "nothing was touched");
    on(&directory, &["migrate", "down", "--to", "0", "--accept-data-loss", "--no-backup", "--yes"]).exits(0);
    let up = on(&directory, &["migrate", "plan"]).exits(0);
    assert!(up.stdout.contains("apply 0001_tasks") && up.stdout.contains("nothing would be lost"), "{up:?}");
}

#[test]
fn a_file_in_use_is_not_moved_and_one_that_is_not_is() {
    let mut server = Server::start();
    let postgres = TempPostgres::start_without_fsync();
    let to = postgres.create_database();
    let id = server.enqueue(&[]);
    let directory = server.path("");
    let refused = on(&directory, &["db", "move", "--to", &to]).exits(5);
    let by = format!("process {} uses it", server.pid());
    assert!(refused.stderr.contains("[database_in_use]") && refused.stderr.contains(&by), "{refused:?}");
    server.stop();
    let before = std::fs::read(server.path("taskward.db")).expect("the file");

    let dry = on(&directory, &["db", "move", "--to", &to, "--dry-run", "-o", "json"]).exits(0).json();
    assert_eq!((&dry["dry_run"], &dry["rows"]), (&true.into(), &on_tables(&dry)));
    assert_eq!(
        postgres.execute("test_0", "SELECT count(*) FROM pg_class WHERE relname = 'tasks'").trim(),
        "0"
    );
    let moved = on(&directory, &["db", "move", "--to", &to, "-o", "json"]).exits(0).json();
    assert_eq!(moved["rows"], dry["rows"]);
    assert_eq!(
        std::fs::read(server.path("taskward.db")).expect("the file"),
        before,
        "the source is untouched"
    );
    assert_eq!(postgres.execute("test_0", "SELECT id FROM tasks").trim(), id);
    let refused = on(&directory, &["db", "move", "--to", &to]).exits(5);
    assert!(refused.stderr.contains("[target_not_empty]"), "{refused:?}");

    postgres.execute(
        "test_0",
        "CREATE TABLE unfinished_move (source text); INSERT INTO unfinished_move VALUES ('x')",
    );
    let port = server.url().rsplit(':').next().expect("a port").to_owned();
    let mut serve = taskward();
    serve.arg("serve").current_dir(&directory).env("DATABASE_URL", &to).env("TASKWARD__SERVER__PORT", port);
    let serve = run(&mut serve).exits(5);
    assert!(serve.stderr.contains("[unfinished_move]"), "{serve:?}");
}

/// The rows of all tables of a move's report.
fn on_tables(report: &serde_json::Value) -> serde_json::Value {
    let tables = report["tables"].as_array().expect("tables");
    tables.iter().map(|table| table["rows"].as_u64().expect("a number")).sum::<u64>().into()
}
