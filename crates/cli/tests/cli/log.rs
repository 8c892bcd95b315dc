//! `taskward log`: reading what was written, and changing what is.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use crate::support::{Run, Server, run, start, taskward};

const ID: &str = "0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6";
/// Far enough back for lines with fixed times.
const SINCE: &str = "2026-01-01T00:00:00Z";

struct Log(tempfile::TempDir);

impl Log {
    /// A log of a rotated, compressed file and a current one.
    fn planted() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let log = Self(directory);
        let old = [
            r#"{"@timestamp":"2026-01-02T00:00:00Z","log.level":"INFO","message":"the first"}"#.to_owned(),
            task_line("2026-01-02T00:00:01Z", "WARN", "exit_1", "a task is dead"),
        ];
        let packed = log.0.path().join("a.log.2026-01-02T235959Z");
        std::fs::write(&packed, old.join("\n") + "\n").expect("written");
        let gzip = std::process::Command::new("gzip").arg(&packed).status();
        assert!(gzip.expect("gzip").success());
        let new = [
            task_line("2026-01-03T00:00:01Z", "WARN", "exit_1", "a task is dead"),
            task_line("2026-01-03T00:00:02Z", "ERROR", "timeout", "it hung"),
            r#"{"@timestamp":"2026-01-03T00:00:03Z","log.level":"DEBUG","message":"the last"}"#.to_owned(),
        ];
        std::fs::write(log.path(), new.join("\n") + "\n").expect("written");
        log
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("a.log")
    }

    fn read(&self, words: &str) -> Run {
        let mut command = taskward();
        run(command.arg("log").args(words.split_whitespace()).arg("--file").arg(self.path()))
    }
}

fn task_line(time: &str, level: &str, error: &str, message: &str) -> String {
    format!(
        r#"{{"@timestamp":"{time}","log.level":"{level}","message":"{message}","error.type":"{error}","taskward.task.id":"{ID}","taskward.queue":"q","taskward.kind":"k","taskward.attempt":3}}"#
    )
}

#[test]
fn rotated_files_are_removed_after_a_question() {
    let log = Log::planted();
    let rotated = log.0.path().join("a.log.2026-01-02T235959Z.gz");
    let nothing = log.read("prune --dry-run").exits(0).stdout;
    assert!(nothing.contains("nothing to remove: 1 rotated files stay"), "{nothing}");
    let looked = log.read("prune --keep 0 --dry-run -o json").exits(0).json();
    assert_eq!((&looked["dry_run"], &looked["kept"]), (&true.into(), &0.into()));
    assert_eq!(looked["removed"][0]["file"], rotated.to_str().expect("UTF-8"));
    let asked = log.read("prune --keep 0").exits(9);
    assert!(asked.stderr.contains("error[not_confirmed]") && rotated.exists(), "{asked:#?}");
    let done = log.read("prune --keep 0 --yes").exits(0).stdout;
    assert!(done.contains("1 files removed") && !rotated.exists() && log.path().exists(), "{done}");
    run(taskward().args(["log", "prune", "--file", "/nowhere/a.log"])).exits(6);
}

#[test]
fn tail_prints_the_latest_for_people_and_as_a_document() {
    let log = Log::planted();
    let text = log.read("tail -n 4").exits(0).stdout;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].starts_with("2026-01-02T00:00:01.000Z WARNING a task is dead  "), "{text}");
    assert!(lines[0].contains("error.type=exit_1") && lines[0].contains(&format!("task.id={ID}")), "{text}");
    let document = log.read("tail --level error -o json").exits(0).json();
    assert_eq!(document["entries"].as_array().map(Vec::len), Some(1), "{document}");
    assert_eq!(document["entries"][0]["error.type"], "timeout");
    let none = log.read("tail --grep nowhere").exits(0);
    assert!(none.stdout.is_empty() && none.stderr.contains("no entry"), "{none:?}");
}

#[test]
fn show_prints_a_range() {
    let log = Log::planted();
    let text = log.read(&format!("show --since {SINCE} --task {ID}")).exits(0).stdout;
    assert_eq!(text.lines().count(), 3, "{text}");
    let range = log.read("show --since 2026-01-02T00:00:01Z --until 2026-01-03T00:00:02Z").exits(0).stdout;
    assert_eq!(range.lines().count(), 2, "{range}");
    let document =
        log.read(&format!("show --since {SINCE} --grep the_(first|last) -o json").replace('_', "."));
    let document = document.exits(0).json();
    let messages: Vec<_> =
        document["entries"].as_array().expect("a list").iter().map(|e| &e["message"]).collect();
    assert_eq!(messages, ["the first", "the last"]);
    assert_eq!(
        (&document["since"], &document["damages"]),
        (&"2026-01-01T00:00:00Z".into(), &serde_json::json!([]))
    );
}

#[test]
fn errors_are_counted() {
    let log = Log::planted();
    let document = log.read(&format!("errors --since {SINCE} -o json")).exits(0).json();
    assert_eq!((&document["entries"], &document["errors"]), (&5.into(), &3.into()));
    let group = &document["groups"][0];
    assert_eq!((&group["key"], &group["count"], &group["task"]), (&"exit_1".into(), &2.into(), &ID.into()));
    let text = log.read(&format!("errors --since {SINCE} --by queue")).exits(0).stdout;
    assert!(
        text.contains("3 errors among 5 entries") && text.lines().any(|line| line.starts_with("3 ")),
        "{text}"
    );
}

#[test]
fn no_data_and_no_file_are_no_pass() {
    let log = Log::planted();
    for words in ["show", "errors", "show --since 2026-01-04T00:00:00Z"] {
        let none = log.read(words).exits(4);
        assert!(none.stderr.contains("[no_log_data]") && none.stderr.contains("no data"), "{none:?}");
        let none = log.read(&format!("{words} -o json")).exits(4).json();
        assert_eq!(none["error"]["code"], "no_log_data");
    }
    std::fs::write(log.path(), "").expect("written");
    let empty = tempfile::tempdir().expect("a directory");
    std::fs::write(empty.path().join("e.log"), "").expect("written");
    let read = |path: &Path| run(taskward().args(["log", "tail", "--file"]).arg(path));
    assert!(read(&empty.path().join("e.log")).exits(4).stderr.contains("[no_log_data]"));
    assert!(read(&empty.path().join("missing.log")).exits(6).stderr.contains("[no_log_file]"));
    read(empty.path()).exits(2);
    let none = run(taskward().args(["log", "tail"]).current_dir(empty.path())).exits(6);
    assert!(none.stderr.contains("taskward config explain logging.file"), "{none:?}");
    let configured = empty.path().join("configured.log");
    let mut command = taskward();
    command.args(["log", "tail"]).env("TASKWARD__LOGGING__FILE", &configured).current_dir(empty.path());
    assert!(run(&mut command).exits(6).stderr.contains("configured.log"));
}

#[test]
fn a_damaged_file_is_read_as_far_as_it_goes_and_is_no_pass() {
    let log = Log::planted();
    let packed = log.0.path().join("a.log.2026-01-02T235959Z.gz");
    let bytes = std::fs::read(&packed).expect("read");
    std::fs::write(&packed, &bytes[..bytes.len() - 8]).expect("written");
    let document = log.read(&format!("show --since {SINCE} -o json"));
    assert_eq!(document.code, Some(4), "{document:?}");
    let document = document.json();
    assert_eq!(document["entries"].as_array().map(Vec::len), Some(5));
    assert_eq!(document["damages"].as_array().map(Vec::len), Some(1), "{document}");
}

#[test]
fn bad_questions_are_refused() {
    let log = Log::planted();
    for (words, part) in [
        ("show --since yesterday", "15m"),
        ("show --since 1h --until 2h", "--until is not after --since"),
        ("tail --level DEBG", "did you mean DEBUG?"),
        ("tail --task 17", "expected a task's id"),
        ("tail --grep (", "unclosed group"),
        ("tail -n 20000", "10000"),
        ("errors --by colour", "error.type, kind, queue, message"),
        ("tail -f -o json", "--follow"),
    ] {
        let refused = log.read(words).exits(2);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains(part), "{words}: {part:?} is not in\n{said}");
    }
}

#[test]
fn following_goes_over_a_rotation() {
    let log = Log::planted();
    let mut command = taskward();
    let mut child = start(command.args(["log", "tail", "-n", "1", "-f", "--file"]).arg(log.path()));
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().expect("a line").expect("read");
    assert!(next().contains("the last"));
    let append = |message: &str| {
        let mut file = std::fs::File::options().create(true).append(true).open(log.path()).expect("opened");
        writeln!(file, r#"{{"log.level":"INFO","message":"{message}"}}"#).expect("written");
    };
    append("one");
    assert!(next().contains("one"));
    std::fs::rename(log.path(), log.0.path().join("a.log.1")).expect("moved");
    append("two");
    assert!(next().contains("two"));
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn a_level_is_shown_and_set_on_a_running_service() {
    let server = Server::start();
    let id = "0199c3d2-5a6b-7c8d-9e0f-000000000001";
    server.cli(["queue", "list"]).exits(0);
    let dry = server.cli(["log", "level", "set", "debug", "--dry-run"]).exits(0).stdout;
    assert!(dry.contains("everything would be logged at DEBUG for 15m"), "{dry}");
    assert_eq!(server.json(["log", "level", "show"])["level"], "INFO");
    let levels = server.json(["log", "level", "set", "debug", "--for", "1h"]);
    assert_eq!((&levels["level"], &levels["configured"]), (&"DEBUG".into(), &"INFO".into()));
    server.cli(["log", "level", "set", "trace", "--target", "taskward_server::http"]).exits(0);
    let shown = server.cli(["log", "level", "show"]).exits(0).stdout;
    assert!(shown.contains("DEBUG, until ") && shown.contains("taskward_server::http"), "{shown}");
    let _ = server.cli(["task", "get", id]).exits(6);
    crate::support::until("the change and a request are logged", || {
        let log = std::fs::read_to_string(server.path("serve.log")).unwrap_or_default();
        let changed = log.lines().any(|line| {
            line.contains("WARN")
                && line.contains("the log level was changed")
                && line.contains("request_id=")
        });
        changed && log.contains("/api/v1/tasks/{id}")
    });
    let refused = server.cli(["log", "level", "set", "debug", "--target", "taskward_stoer"]).exits(2);
    assert!(refused.stderr.contains("did you mean taskward_store?"), "{refused:?}");
    let refused = server.cli(["log", "level", "set", "loud"]).exits(2);
    assert!(refused.stderr.contains("'loud'"), "{refused:?}");
    server.cli(["log", "level", "set", "info"]).exits(0);
    assert!(server.json(["log", "level", "show"])["reverts_at"].is_null());
}
