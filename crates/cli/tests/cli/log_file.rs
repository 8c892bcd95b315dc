//! The log file of a running service: rotated, lost, full, and what stands in it.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Server, lines, run, until};

/// Debian's; not in every user's `PATH`.
const LOGROTATE: &str = "/usr/sbin/logrotate";

/// A service that logs to a file of its own, as JSON.
fn serve(directory: &Path, more: &[(&str, &str)]) -> (Server, PathBuf) {
    let file = directory.join("example.log");
    let path = file.display().to_string();
    let mut variables =
        vec![("TASKWARD__LOGGING__FORMAT", "json"), ("TASKWARD__LOGGING__FILE", path.as_str())];
    variables.extend(more);
    (Server::start_with(&variables), file)
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

/// Makes the service write a line, whatever its level, and returns what the line says.
fn say(server: &Server) -> String {
    server.json(["log", "level", "set", "error", "--target", "taskward_store::sqlite"])["targets"][0]["set_by"]
        .as_str()
        .expect("a request")
        .to_owned()
}

fn says(file: &Path, text: &str) -> bool {
    std::fs::read_to_string(file).is_ok_and(|log| log.contains(text))
}

#[test]
fn the_real_logrotate_needs_no_copy_and_loses_no_line() {
    let directory = directory();
    let (server, file) = serve(directory.path(), &[("TASKWARD__LOGGING__ROTATE", "false")]);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/logrotate/taskward");
    let shipped = std::fs::read_to_string(shipped).expect("the file for logrotate");
    assert!(shipped.contains("/var/log/app/example.log {"));
    let config = directory.path().join("logrotate.conf");
    std::fs::write(&config, shipped.replace("/var/log/app/example.log", &file.display().to_string()))
        .expect("written");
    std::fs::set_permissions(&config, PermissionsExt::from_mode(0o644)).expect("mode");
    let rotate = || {
        let state = directory.path().join("state");
        let rotated = Command::new(LOGROTATE).arg("--force").arg("--state").arg(state).arg(&config).output();
        let rotated = rotated.expect("these tests need logrotate");
        assert!(rotated.status.success(), "{rotated:?}");
    };

    let mut said = vec![say(&server)];
    until("the line is written", || says(&file, &said[0]));
    rotate();
    // Within a second a line may still go where the file was moved to; after that it does not.
    std::thread::sleep(Duration::from_millis(1_100));
    said.push(say(&server));
    until("the new file is used", || says(&file, &said[1]));
    assert!(!says(&file, &said[0]), "it was copied");
    let mode = std::fs::metadata(&file).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    // Rotated names have the second in them.
    std::thread::sleep(Duration::from_millis(1_000));
    rotate();
    server.signal("USR1");
    until("a signal opens the new file at once", || says(&file, "the log file is opened again"));
    said.push(say(&server));
    until("the line is written", || says(&file, &said[2]));

    let all = run(server.command(["log", "show", "--since", "1h", "--file"]).arg(&file)).exits(0).stdout;
    for id in &said {
        assert_eq!(all.matches(&format!("request.id={id}")).count(), 1, "{id} in\n{all}");
    }
    let names: Vec<_> = std::fs::read_dir(directory.path())
        .expect("listed")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    assert!(names.iter().any(|name| name.starts_with("example.log-") && name.ends_with(".gz")), "{names:?}");
}

#[test]
fn it_rotates_itself_by_size_and_everything_can_still_be_read() {
    let directory = directory();
    let variables = [("LOG_LEVEL", "DEBUG"), ("TASKWARD__LOGGING__ROTATE_SIZE", "4KiB")];
    let (mut server, file) = serve(directory.path(), &variables);
    for _ in 0..60 {
        server.json(["queue", "list"]);
    }
    server.stop();
    let rotated = |ending: &str| {
        let names = std::fs::read_dir(directory.path())
            .expect("listed")
            .map(|entry| entry.expect("an entry").file_name());
        names
            .filter(|name| {
                name.to_string_lossy().starts_with("example.log.") && name.to_string_lossy().ends_with(ending)
            })
            .count()
    };
    assert!(
        rotated("") >= 3 && rotated(".gz") >= 1,
        "{} rotated, {} compressed",
        rotated(""),
        rotated(".gz")
    );
    let shown =
        run(server.command(["log", "show", "--grep", "/api/v1/queues", "-o", "json", "--file"]).arg(&file));
    let document = shown.exits(0).json();
    assert_eq!(document["entries"].as_array().map(Vec::len), Some(60), "{document}");
}

#[test]
fn a_full_disk_keeps_no_task_and_is_counted_and_told() {
    let directory = directory();
    let file = directory.path().join("example.log");
    symlink("/dev/full", &file).expect("linked");
    let variables = [("LOG_LEVEL", "DEBUG"), ("TASKWARD__LOGGING__STDOUT", "false")];
    let (server, file) = serve(directory.path(), &variables);
    for _ in 0..20 {
        server.enqueue(&[]);
    }
    assert!(server.work("true").stdout.starts_with("20 completed"));
    let dropped = || {
        let metrics =
            Command::new("curl").args(["-s", &format!("{}/metrics", server.url())]).output().expect("curl");
        let text = String::from_utf8(metrics.stdout).expect("UTF-8");
        let line = text.lines().find(|line| {
            line.starts_with("taskward_log_lines_dropped_total{")
                && line.contains("output=\"file\"")
                && line.contains("write_failed")
        });
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or_default()
    };
    until("the dropped lines are counted", || dropped() > 20.0);

    // The disk has room again: the same name, another file.
    let room = directory.path().join("room.log");
    symlink(&room, directory.path().join("next")).expect("linked");
    std::fs::rename(directory.path().join("next"), &file).expect("replaced");
    until("the log works again and says what is missing", || {
        say(&server);
        says(&room, "lines of the log were dropped")
    });
    let told = lines(&room).into_iter().find(|line| line.contains("were dropped")).expect("told");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert!(told["taskward.dropped"].as_u64().is_some_and(|dropped| dropped > 20), "{told}");
    assert_eq!(told["taskward.output"], "file");
}

#[test]
fn a_reload_opens_the_file_again() {
    let directory = directory();
    let (server, file) = serve(directory.path(), &[]);
    until("it says that it listens", || says(&file, "taskward listens on"));
    std::fs::rename(&file, directory.path().join("moved")).expect("moved");
    server.signal("HUP");
    until("the new file is used", || says(&file, "reload: nothing changed"));
}

#[test]
fn a_log_file_that_cannot_be_opened_is_refused() {
    let directory = directory();
    let mut command = crate::support::taskward();
    command
        .arg("serve")
        .current_dir(directory.path())
        .env("TASKWARD__SERVER__PORT", "0")
        .env("TASKWARD__LOGGING__FILE", "missing/example.log");
    let ended = run(&mut command).exits(5);
    assert!(ended.stderr.contains("[log_file]"), "{ended:?}");
}

/// What may stand in no line.
const PLANTED: &str = "planted-9f8e7d6c";

/// A session with a secret wherever a user can put one, and every kind of line about a task.
fn session(server: &Server) {
    let payload = format!("{{\"password\": \"{PLANTED}\"}}");
    let metadata = format!("{{\"note\": \"{PLANTED}\"}}");
    let more = ["--payload", payload.as_str(), "--metadata", metadata.as_str()];
    for attempts in ["1", "3"] {
        server.enqueue(&[&more[..], &["--max-attempts", attempts]].concat());
    }
    let failing = format!("echo {PLANTED} >&2; exit 3");
    let mut worker = server.worker(&["--concurrency", "1"], &failing);
    let mut worker = worker
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("started");
    until("a task is dead", || server.json(["queue", "get", "q"])["totals"]["dead"] == 1);
    crate::support::signal(worker.id(), "TERM");
    worker.wait().expect("ended");
    let dead = server.json(["task", "list", "--state", "dead"])["tasks"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    server.cli(["task", "retry", &dead]).exits(0);
    server.cli(["task", "cancel", &dead]).exits(0);
    for verb in ["pause", "resume"] {
        server.cli(["queue", verb, "q"]).exits(0);
    }
    server.cli(["enqueue", "k", "--queue", "r", "--payload", &payload]).exits(0);
    let path = format!("result {PLANTED}");
    run(&mut server.command(["worker", "--queue", "r", "--until-empty", "--", "echo", &path])).exits(0);
    // A lease that runs out.
    server.cli(["enqueue", "k", "--queue", "s", "--timeout", "1s", "--payload", &payload]).exits(0);
    let claim = "{\"worker_id\": \"w\", \"queues\": [\"s\"], \"lease\": \"1s\", \"wait\": \"5s\"}";
    let url = format!("{}/api/v1/claim", server.url());
    let claimed = Command::new("curl")
        .args(["-sf", &url, "-H", "content-type: application/json", "-d", claim])
        .output();
    assert!(claimed.expect("curl").status.success());
    until("the lease has run out", || server.json(["queue", "get", "s"])["depth"]["running"] == 0);
    say(server);
}

/// The names of a mapping's fields.
fn mapped(properties: &Value, prefix: &str, into: &mut BTreeSet<String>) {
    for (name, field) in properties.as_object().expect("properties") {
        let name = format!("{prefix}{name}");
        match field.get("properties") {
            Some(inner) => mapped(inner, &format!("{name}."), into),
            None => drop(into.insert(name)),
        }
    }
}

/// The fields of the index template.
pub(crate) fn template() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/elasticsearch/index-template.json");
    let template: Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("the template")).expect("JSON");
    let mut fields = BTreeSet::new();
    mapped(&template["template"]["mappings"]["properties"], "", &mut fields);
    fields
}

#[test]
fn lines_have_the_fields_of_the_template_name_their_task_and_hold_no_secret() {
    let directory = directory();
    let (mut server, file) = serve(directory.path(), &[("LOG_LEVEL", "TRACE")]);
    session(&server);
    server.stop();
    let known = template();
    let mut messages = BTreeSet::new();
    for line in lines(&file) {
        assert!(!line.contains(PLANTED), "a secret: {line}");
        let fields: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let fields = fields.as_object().expect("an object");
        for name in fields.keys() {
            assert!(known.contains(name), "{name} is not in the template: {line}");
        }
        for name in [
            "@timestamp",
            "log.level",
            "message",
            "ecs.version",
            "service.name",
            "service.node.name",
            "log.logger",
        ] {
            assert!(fields.contains_key(name), "no {name}: {line}");
        }
        if fields.contains_key("taskward.task.id") {
            for name in ["taskward.queue", "taskward.kind", "taskward.attempt"] {
                assert!(fields.contains_key(name), "no {name}: {line}");
            }
        }
        messages.insert(fields["message"].as_str().expect("a text").to_owned());
    }
    for message in
        ["a task is dead", "an attempt failed", "task brought back", "cancel requested", "answered"]
    {
        assert!(messages.contains(message), "nothing says {message:?}: {messages:?}");
    }
    let stdout = lines(&server.path("serve.log"));
    assert_eq!(stdout.len(), lines(&file).len(), "standard output has the same lines");
}
