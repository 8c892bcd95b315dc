//! What is wrong with a command is said before anything is touched, with the exit code of the contract.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::{Server, run, run_with, taskward};

/// A command line, its exit code, and what its message says.
struct Case(&'static str, i32, &'static [&'static str]);

/// Nobody listens on port 1, so whatever was sent would end with 8.
fn offline(words: &str) -> Command {
    let mut command = taskward();
    command.args(split(words)).env("TASKWARD_URL", "http://127.0.0.1:1");
    command
}

/// Words by spaces; `_` stands for a space in a word, `∅` for nothing.
fn split(words: &str) -> Vec<String> {
    words.split_whitespace().map(|word| word.replace('_', " ").replace('∅', "")).collect()
}

const ID: &str = "0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6";

const USAGE: &[Case] = &[
    Case("enque k", 2, &["unrecognized subcommand 'enque'", "'enqueue'"]),
    Case("task lst", 2, &["unrecognized subcommand 'lst'", "'list'"]),
    Case("queue puase q", 2, &["'puase'", "'pause'"]),
    Case("migrate stauts", 2, &["'stauts'", "'status'"]),
    Case("task", 2, &["Usage: taskward task"]),
    Case("health", 2, &["live", "ready"]),
    Case("version --outptu json", 2, &["'--outptu'", "'--output'"]),
    Case("version -o yaml", 2, &["'yaml'", "text, json"]),
    Case("version extra", 2, &["unexpected argument 'extra'"]),
    Case("completion tcsh", 2, &["'tcsh'", "bash"]),
    Case("enqueue", 2, &["<KIND>"]),
    Case("enqueue ∅", 2, &["<KIND>"]),
    Case("enqueue k --priority 0", 2, &["'0'", "1..=9"]),
    Case("enqueue k --priority 10", 2, &["'10'", "1..=9"]),
    Case("enqueue k --priority high", 2, &["'high'"]),
    Case("enqueue k --delay 5", 2, &["'5'", "expected a duration"]),
    Case("enqueue k --delay=-5s", 2, &["'-5s'", "expected a duration"]),
    Case("enqueue k --delay 1.5s", 2, &["'1.5s'", "30s"]),
    Case("enqueue k --delay 99999d", 2, &["10 years"]),
    Case("enqueue k --timeout 0s", 2, &["more than 0s"]),
    Case("enqueue k --max-attempts 0", 2, &["'0'"]),
    Case("enqueue k --run-at tomorrow", 2, &["'tomorrow'", "2026-12-31T23:59:00Z"]),
    Case("enqueue k --run-at 2026-12-31T23:59:00", 2, &["expected a moment"]),
    Case("enqueue k --run-at 2026-12-31T23:59:00Z --delay 5s", 2, &["cannot be used with"]),
    Case(
        "enqueue k --payload {\"a\":",
        2,
        &["[invalid_json]", "--payload is not JSON", "nothing was changed"],
    ),
    Case("enqueue k --payload hello", 2, &["[invalid_json]", "double quotes"]),
    Case(
        "enqueue k --payload @/nonexistent/p.json",
        6,
        &["[input_file]", "/nonexistent/p.json", "No such file"],
    ),
    Case("enqueue k --payload 1 --lines -", 2, &["cannot be used with"]),
    Case("enqueue k --lines /nonexistent/l", 6, &["[input_file]", "ls -l /nonexistent/l"]),
    Case("enqueue k --lines - --ndjson -", 2, &["cannot be used with"]),
    Case("enqueue k --lines - --wait 5s", 2, &["cannot be used with"]),
    Case("enqueue k --lines - --unique-key u", 2, &["cannot be used with"]),
    Case("enqueue k --on-conflict reject", 2, &["--unique-key"]),
    Case("enqueue k --unique-key u --on-conflict replace", 2, &["'replace'", "return_existing"]),
    Case("enqueue k --metadata [1]", 2, &["expected a JSON object"]),
    Case("enqueue k --metadata {", 2, &["expected a JSON object"]),
    Case("enqueue k --tag ∅", 2, &["--tag"]),
    Case("enqueue k --queue ∅", 2, &["--queue"]),
    Case("enqueue k --idempotency-key a_b", 2, &["visible ASCII"]),
    Case("enqueue k --wait forever", 2, &["'forever'"]),
    Case("task get 17", 2, &["'17'", "expected a task's id"]),
    Case("task get", 2, &["<ID>"]),
    Case("task cancel", 2, &["<ID>"]),
    Case("task retry 0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6 nope", 2, &["'nope'"]),
    Case("task list --state done", 2, &["'done'", "completed"]),
    Case("task list --limit 0", 2, &["'0'"]),
    Case("task list --limit 1001", 2, &["'1001'"]),
    Case("queue pause", 2, &["<QUEUE>"]),
    Case("worker -- true", 2, &["--queue"]),
    Case("worker --queue q", 2, &["<COMMAND>"]),
    Case("worker --queue q true", 2, &["'true'"]),
    Case("worker --queue q --concurrency 0 -- true", 2, &["'0'"]),
    Case("worker --queue q --lease 10ms -- true", 2, &["at least 1s"]),
    Case("worker --queue q -- no-such-program-here", 2, &["[command_not_found]", "no task was claimed"]),
    Case("worker --queue q -- /etc/passwd", 2, &["[command_not_found]"]),
    Case("health ready --wait soon", 2, &["'soon'"]),
    Case("config explain server.prot", 2, &["[unknown_key]", "server.port"]),
    Case("maintenance on", 2, &["--reason"]),
    Case("maintenance on --reason ∅", 2, &["--reason", "it is empty"]),
    Case("maintenance on --reason ∅ --dry-run", 2, &["--reason", "it is empty"]),
    Case("maintenance on --mode normal --reason x", 2, &["'normal'", "read-only"]),
    Case(
        "maintenance on --mode read-only --mode read-only --reason x",
        2,
        &["cannot be used multiple times"],
    ),
    Case("maintenance on --reason x now", 2, &["unexpected argument 'now'"]),
    Case("maintenance on --reason x --yes", 2, &["'--yes'"]),
    Case("maintenance off now", 2, &["unexpected argument 'now'"]),
    Case("maintenance off --reason x", 2, &["'--reason'"]),
    Case("maintenance off --mode read-only", 2, &["'--mode'"]),
    Case("maintenance status now", 2, &["unexpected argument 'now'"]),
    Case("maintenance status --dry-run", 2, &["'--dry-run'"]),
    Case("maintenance statsu", 2, &["'statsu'", "'status'"]),
    Case("maintenance", 2, &["Usage: taskward maintenance"]),
    Case("alerts silence QueueStuck --for 2h --reason ∅", 2, &["--reason", "it is empty"]),
    Case("migrate down", 2, &["--to"]),
    Case("migrate down --to one", 2, &["'one'"]),
    Case("migrate up --to -1", 2, &["-1"]),
    Case("migrate up --no-backups", 2, &["--no-backup"]),
    Case("migrate plan --no-backup", 2, &["--no-backup"]),
    Case("migrate", 2, &["Usage: taskward migrate"]),
    Case("migrate status 1", 2, &["unexpected argument '1'"]),
    Case("migrate status --to 1", 2, &["'--to'"]),
    Case("migrate plan 1", 2, &["unexpected argument '1'"]),
    Case("migrate plan --to ∅", 2, &["--to"]),
    Case("migrate plan --dry-run", 2, &["'--dry-run'"]),
    Case("migrate up 1", 2, &["unexpected argument '1'"]),
    Case("migrate up --to 1 --to 2", 2, &["cannot be used multiple times"]),
    Case("migrate up --to 99999999999", 2, &["'99999999999'"]),
    Case("migrate up --dry-run --yes", 2, &["cannot be used with"]),
    Case("migrate down --to 0 1", 2, &["unexpected argument '1'"]),
    Case("migrate down --to 0 --dry-run --yes", 2, &["cannot be used with"]),
    Case("task list --url ftp://h", 2, &["[invalid_url]", "http://"]),
    Case("task list --url http://user:hunter2@h", 2, &["[invalid_url]", "API_KEY_FILE"]),
];

const UNREACHABLE: &[Case] = &[
    Case("enqueue k", 8, &["[unreachable]", "nothing was changed", "taskward health ready --wait 30s"]),
    Case("task list", 8, &["[unreachable]"]),
    Case("task get 0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6", 8, &["[unreachable]"]),
    Case("task cancel 0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6", 8, &["[unreachable]"]),
    Case("queue list", 8, &["[unreachable]"]),
    Case("queue pause q", 8, &["[unreachable]"]),
    Case("worker --queue q -- true", 8, &["[unreachable]"]),
    Case("maintenance on --reason x", 8, &["[unreachable]"]),
    Case("maintenance off --dry-run", 8, &["[unreachable]"]),
    Case("maintenance status", 8, &["[unreachable]"]),
    Case("health live", 8, &["[unreachable]", "Connection refused"]),
    Case("health ready --wait 100ms", 8, &["[unreachable]"]),
];

#[test]
fn bad_usage_and_unreachable_services_have_their_codes() {
    assert!(USAGE.len() >= 40);
    for Case(words, code, parts) in USAGE.iter().chain(UNREACHABLE) {
        let ended = run(&mut offline(words)).exits(*code);
        assert_eq!(
            ended.stdout,
            if words.starts_with("health ") { ended.stdout.as_str() } else { "" },
            "{words}"
        );
        for part in *parts {
            assert!(ended.stderr.contains(part), "{words}: {part:?} is not in\n{}", ended.stderr);
        }
        assert!(!ended.stderr.contains("hunter2"));
    }
}

#[test]
fn with_json_every_failure_is_one_document() {
    for Case(words, code, _) in USAGE.iter().chain(UNREACHABLE).filter(|case| !case.0.contains("-o yaml")) {
        // After a bare `--` everything belongs to the command.
        let words = format!("-o json {words}");
        let ended = run(&mut offline(&words)).exits(*code);
        let document = ended.json();
        assert_eq!(document["error"]["exit_code"], *code, "{words}: {document}");
        for field in ["code", "message", "state"] {
            let text = document["error"][field].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{words}: no {field} in {document}");
        }
        assert_eq!(ended.stderr, "", "{words}");
    }
}

#[test]
fn key_files_are_refused_unless_they_are_private() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str, mode: u32| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("mode");
        path
    };
    let cases = [
        (file("open", "planted-key", 0o644), "chmod 600"),
        (file("empty", "\n", 0o600), "it is empty"),
        (directory.path().join("missing"), "No such file"),
        (directory.path().to_owned(), "not a regular file"),
    ];
    for (path, part) in &cases {
        let ended = run(offline("queue list").env("API_KEY_FILE", path)).exits(2);
        assert!(
            ended.stderr.contains("[secret_file_refused]") && ended.stderr.contains(part),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("planted"));
    }
    let good = file("good", "planted-key\n", 0o600);
    let ended = run(offline("queue list").env("API_KEY_FILE", good)).exits(8);
    assert!(!ended.stderr.contains("planted"));
    let ended = run(offline("queue list").env("API_KEY", "planted\nkey")).exits(2);
    assert!(ended.stderr.contains("[invalid_key]") && !ended.stderr.contains("planted"));
}

#[test]
fn bad_lines_of_a_file_are_found_before_anything_is_sent() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("tasks.ndjson");
    std::fs::write(&path, "{\"a\":1}\n{\"a\":\n3\n[,]\n").expect("written");
    let mut command = offline("enqueue k --ndjson");
    let ended = run(command.arg(&path)).exits(2);
    for part in ["[bad_lines]", "line 2:", "line 4:", "nothing was changed", "sed -n 2p"] {
        assert!(ended.stderr.contains(part), "{part} is not in\n{}", ended.stderr);
    }
    let ended = run_with(&mut offline("enqueue k --lines -"), b"good\n\xff\n").exits(2);
    assert!(ended.stderr.contains("stdin has lines") && ended.stderr.contains("line 2: it is not UTF-8"));
    let ended = run_with(&mut offline("enqueue k --payload -"), b"{").exits(2);
    assert!(ended.stderr.contains("stdin is not JSON"));
}

/// Variables, a command line, its exit code, and what its message says.
type ConfigCase = (&'static [(&'static str, &'static str)], &'static str, i32, &'static str);

const CONFIG: &[ConfigCase] = &[
    (&[("APP_ENV", "production")], "config show", 2, "prod"),
    (&[("APP_ENV", "production")], "config check", 3, "prod"),
    (&[("APP_ENV", "prod")], "config check", 3, "DATABASE_URL"),
    (&[("APP_ENV", "prod")], "config check", 3, "API_KEY"),
    (&[("APP_ENV", "prod")], "serve", 2, "DATABASE_URL"),
    (&[("APP_ENV", "nope")], "migrate status", 2, "[config_invalid]"),
    (&[("TASKWARD__SERVER__PROT", "1")], "config check", 3, "TASKWARD__SERVER__PORT"),
    (&[("TASKWARD__SERVER__PORT", "http")], "config check", 3, "TASKWARD__SERVER__PORT"),
    (&[("TASKWARD__SERVER__PORT", "70000")], "serve", 2, "TASKWARD__SERVER__PORT"),
    (&[("LOG_LEVEL", "LOUD")], "config check", 3, "LOG_LEVEL"),
    (&[("DATABASE_URL", "mysql://h/db")], "config check", 3, "DATABASE_URL"),
    (&[("DATABASE_URL", "mysql://u:hunter2@h/db")], "migrate up", 2, "DATABASE_URL"),
    (&[("TASKWARD__SERVER__DRAIN_TIMEOUT", "-1s")], "config check", 3, "TASKWARD__SERVER__DRAIN_TIMEOUT"),
    (&[("TASKWARD_CONFIG_DIR", "/nonexistent/dir")], "config show", 2, "/nonexistent/dir"),
    (&[("DATABASE_URL", "sqlite:/nonexistent/t.db")], "migrate status", 6, "[no_database]"),
    (&[("DATABASE_URL", "sqlite:/nonexistent/t.db")], "migrate down --to 0 --yes", 6, "taskward migrate up"),
    (
        &[("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/db")],
        "migrate status",
        8,
        "[database_unavailable]",
    ),
];

#[test]
fn bad_configuration_is_named_by_variable_and_holds_no_secret() {
    let directory = tempfile::tempdir().expect("a directory");
    for (variables, words, code, part) in CONFIG {
        let mut command = taskward();
        command.args(split(words)).envs(variables.iter().copied()).current_dir(directory.path());
        let ended = run(&mut command).exits(*code);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains(part), "{variables:?} {words}: {part:?} is not in\n{said}");
        assert!(!said.contains("hunter2"), "{said}");
        let json = run(command.args(["-o", "json"])).exits(*code);
        assert_eq!(json.json()["error"]["exit_code"], *code);
        assert!(!json.stdout.contains("hunter2") && json.stderr.is_empty(), "{json:?}");
    }
    assert_eq!(std::fs::read_dir(&directory).expect("listed").count(), 0, "nothing was touched");
}

#[test]
fn an_unknown_yaml_key_is_named_with_file_and_line() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("dev.yaml"), "server:\n  prot: 9000\n").expect("written");
    let mut command = taskward();
    let ended = run(command.args(["config", "check", "--config-dir"]).arg(directory.path())).exits(3);
    assert!(ended.stdout.contains("dev.yaml:2") && ended.stdout.contains("server.port"), "{}", ended.stdout);
}

#[test]
fn what_the_service_refuses_has_its_code() {
    let server = Server::start();
    let case = |words: &str, code: i32, part: &str| {
        let words = split(words);
        let ended = server.cli(words.iter().map(String::as_str)).exits(code);
        assert!(ended.stderr.contains(part), "{words:?}: {part} is not in\n{}", ended.stderr);
    };
    case(&format!("task get {ID}"), 6, "[not_found]");
    case(&format!("task cancel {ID}"), 6, "taskward task list");
    case(&format!("task retry {ID}"), 6, "[not_found]");
    case(&format!("task cancel {ID} --dry-run"), 6, "[not_found]");
    case("queue get nowhere", 6, "taskward queue list");
    case("task list --cursor nonsense", 2, "[validation_failed]");
    case("enqueue k --max-attempts 100000", 2, "max_attempts");
    case("enqueue k --timeout 3000d", 2, "timeout");

    let large = server.path("large.json");
    std::fs::write(&large, format!("\"{}\"", "x".repeat(300 * 1024))).expect("written");
    case(&format!("enqueue k --payload @{}", path(&large)), 2, "[payload_too_large]");

    server.enqueue(&["--unique-key", "u"]);
    case("enqueue k --queue q --unique-key u --on-conflict reject", 7, "[unique_conflict]");
    server.enqueue(&["--idempotency-key", "i", "--payload", "1"]);
    case("enqueue k --queue q --idempotency-key i --payload 2", 7, "[idempotency_key_reused]");
    assert_eq!(server.json(["queue", "get", "q"])["totals"]["created"], 2, "nothing else was created");
}

#[test]
fn without_the_right_key_nothing_is_done() {
    let key = "planted-0123456789abcdef";
    let server = Server::start_with(&[("API_KEY", key)]);
    for words in ["queue list", "enqueue k", "worker --queue default -- true", "task list --all"] {
        for wrong in [None, Some("planted-wrong")] {
            let mut command = server.command(words.split(' '));
            let ended = run(command.envs(wrong.map(|key| ("API_KEY", key)))).exits(5);
            assert!(ended.stderr.contains("[unauthorized]"), "{words}: {}", ended.stderr);
            assert!(!ended.stderr.contains("planted"));
        }
    }
    let file = server.path("key");
    std::fs::write(&file, format!("{key}\n")).expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("mode");
    run(server.command(["enqueue", "k"]).env("API_KEY_FILE", file).env("API_KEY", "the file wins")).exits(0);
    let ended = run(server
        .command(["worker", "--queue", "default", "--until-empty", "--", "true"])
        .env("API_KEY", key));
    assert!(ended.exits(0).stdout.starts_with("1 completed"));
}

fn path(path: &Path) -> String {
    path.display().to_string().replace(' ', "_")
}
