//! Making backups, looking at them, removing them.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use taskward_testkit::postgres::TempPostgres;

use super::world::{World, both, contents, pretended};
use crate::support::{finish, run, signal, start, taskward, until};

/// Creates pairs of tasks until told to stop, and counts those that were acknowledged.
fn load(world: &World, stop: &AtomicBool) -> u64 {
    let body =
        json!({"tasks": [{"kind": "k", "queue": "load"}, {"kind": "k", "queue": "load"}], "atomic": true});
    let mut acknowledged = 0;
    while !stop.load(Ordering::SeqCst) {
        let (status, answer) = world.post("/api/v1/tasks/batch", &body);
        assert_eq!(status, 200, "{answer}");
        acknowledged += 2;
    }
    acknowledged
}

#[test]
fn made_under_load_and_restored_it_is_one_moment() {
    both(|mut world| {
        for _ in 0..20 {
            world.server.enqueue(&[]);
        }
        let stop = AtomicBool::new(false);
        let (id, acknowledged) = std::thread::scope(|scope| {
            let loading = scope.spawn(|| load(&world, &stop));
            until("there is load", || world.json("queue list")["queues"][0]["name"] == "load");
            let before = world.json("queue get load")["totals"]["created"].as_u64().expect("a number");
            let id = world.backup("--label under_load");
            stop.store(true, Ordering::SeqCst);
            (id, before..=loading.join().expect("loaded"))
        });
        let manifest = world.json(&format!("backup show {id}"));
        assert_eq!(
            (&manifest["label"], &manifest["rows"]["last"]["states"]["available"].is_u64()),
            (&json!("under_load"), &true)
        );
        world.cli(&format!("backup verify {id}"), 0);
        world.stop();
        world.cli(&format!("restore run {id} {} --yes", world.target()), 0);
        world.start();
        let created = world.json("queue get load")["totals"]["created"].as_u64().expect("a number");
        assert!(
            acknowledged.contains(&created) && created.is_multiple_of(2),
            "{created} of {acknowledged:?}"
        );
        assert_eq!(world.json("queue get q")["depth"]["available"], 20);
        // It works on: what is in it can be done.
        assert!(world.server.work("true").stdout.starts_with("20 completed"));
    });
}

#[test]
fn a_copy_is_not_made_faster_than_it_may() {
    let limited = |postgres| World::with(postgres, &[("TASKWARD__BACKUP__MAX_RATE", "1MiB")]);
    for world in [limited(None), limited(Some(TempPostgres::start_without_fsync()))] {
        // Enough for seconds, also compressed.
        let text = || (0..200_000).map(|_| fastrand::alphanumeric()).collect::<String>();
        let tasks: Vec<_> = (0..12).map(|_| json!({"kind": "k", "queue": "q", "payload": text()})).collect();
        assert_eq!(world.post("/api/v1/tasks/batch", &json!({"tasks": tasks})).0, 200);
        let made = world.json("backup create");
        let files = made["manifest"]["files"].as_array().expect("files");
        let bytes = files.iter().filter_map(|file| file["bytes"].as_u64()).max().expect("sizes");
        let least = bytes * 1000 / (1 << 20);
        let took = made["took_ms"].as_u64().expect("a time");
        // PostgreSQL lets an eighth of a second's worth pass at once.
        assert!(bytes > 2 << 20 && took + 250 >= least, "{bytes} bytes in {took} ms");
    }
}

#[test]
fn listed_shown_verified_and_without_secrets() {
    both(|world| {
        assert!(world.cli("backup list", 0).stdout.starts_with("there is no backup"));
        world.cli("backup verify --latest", 6);
        let dry = world.json("backup create --dry-run");
        assert_eq!(dry["dry_run"], true);
        assert!(!world.backups().exists(), "nothing was written");
        world.server.enqueue(&[]);
        let id = world.backup("");
        let manifest = world.json(&format!("backup show {id}"));
        let engine = if world.is_postgres() { "postgres_base" } else { "sqlite" };
        assert_eq!(
            (&manifest["engine"], &manifest["rows"]["last"]["tables"]["tasks"]),
            (&json!(engine), &json!(1))
        );
        assert_eq!(manifest["position"].is_object(), world.is_postgres());
        for file in manifest["files"].as_array().expect("files") {
            assert_eq!(file["sha256"].as_str().map(str::len), Some(64), "{file}");
        }
        let listed = world.json("backup list");
        assert_eq!(
            (&listed["backups"][0]["id"], &listed["backups"][0]["state"]),
            (&json!(id), &json!("complete"))
        );
        assert_eq!(world.json("backup verify --latest")["id"], json!(id));
        // The checksums are in the notation of a program that everybody has.
        let mut sums = std::process::Command::new("sha256sum");
        sums.args(["--check", "--quiet", "SHA256SUMS"]).current_dir(world.backups().join(&id));
        assert!(sums.status().expect("sha256sum").success());
        if world.is_postgres() {
            let dump = world.backup("--format dump");
            assert_eq!(world.json(&format!("backup show {dump}"))["engine"], "postgres_dump");
            world.cli(&format!("backup verify {dump}"), 0);
        }
        for (path, bytes) in contents(&world.backups()) {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("planted"), "{}", path.display());
        }
    });
}

#[test]
fn the_password_is_in_no_argument() {
    let world = World::postgres();
    let said = world.path("said");
    let script = format!("echo \"$@\" > {0}; echo \"$PGPASSWORD\" >> {0}; exit 1", said.display());
    let bin = pretended(&world.path("bin"), "pg_basebackup", &world.version(), &script);
    let mut command = world.command("backup create");
    let ended = run(command.env("TASKWARD__BACKUP__PG_BIN", &bin)).exits(1);
    assert!(
        ended.stderr.contains("[backup_failed]") && !ended.stderr.contains("planted"),
        "{}",
        ended.stderr
    );
    let said = fs::read_to_string(said).expect("the arguments");
    let (arguments, password) = said.split_once('\n').expect("two lines");
    assert!(
        arguments.contains("--dbname=postgres://taskward@") && !arguments.contains("planted"),
        "{arguments}"
    );
    assert_eq!(password.trim(), "planted-password");
    assert!(contents(&world.backups()).keys().all(|path| path.ends_with(".lock")), "the partial was removed");
}

#[test]
fn interrupted_it_stays_as_partial_and_is_pruned() {
    let world = World::postgres();
    let good = world.backup("");
    let bin = pretended(&world.path("bin"), "pg_basebackup", &world.version(), "exec sleep 600");
    let mut command = world.command("backup create");
    let child = start(command.env("TASKWARD__BACKUP__PG_BIN", &bin));
    let partials = || {
        let listed = world.json("backup list");
        let listed = listed["backups"].as_array().cloned().unwrap_or_default();
        listed.into_iter().filter(|one| one["state"] == "partial").count()
    };
    until("it has begun", || partials() == 1);
    assert!(world.cli("backup create", 7).stderr.contains("[backup_locked]"));
    world.cli("backup prune --yes", 7);
    signal(child.id(), "TERM");
    let ended = finish(child).exits(143);
    assert!(ended.stderr.contains("stays as partial"), "{}", ended.stderr);
    assert_eq!(partials(), 1);
    assert_eq!(world.json("backup verify --latest")["id"], json!(good), "a partial one is not the latest");
    assert!(world.cli("backup prune", 9).stderr.contains("[not_confirmed]"));
    let dry = world.json("backup prune --dry-run");
    assert_eq!((&dry["removed"][0]["why"], partials()), (&json!("it was interrupted"), 1));
    world.cli("backup prune --yes", 0);
    assert_eq!(partials(), 0);
    world.cli(&format!("backup verify {good}"), 0);
}

#[test]
fn pruning_never_removes_the_last_good_one() {
    let world = World::with(
        None,
        &[
            ("TASKWARD__BACKUP__KEEP_DAILY", "1"),
            ("TASKWARD__BACKUP__KEEP_WEEKLY", "0"),
            ("TASKWARD__BACKUP__KEEP_MONTHLY", "0"),
        ],
    );
    let ids: Vec<String> = (0..3).map(|_| world.backup("")).collect();
    let newest = world.backups().join(&ids[2]).join("taskward.db");
    let sound = fs::read(&newest).expect("read");
    fs::write(&newest, b"").expect("damaged");
    let dry = world.json("backup prune --dry-run");
    assert_eq!(dry["last_good"], json!(ids[1]));
    assert_eq!(dry["removed"].as_array().map(Vec::len), Some(1));
    fs::write(&newest, sound).expect("repaired");
    let pruned = world.json("backup prune --yes");
    assert_eq!((&pruned["kept"], &pruned["last_good"]), (&json!([ids[2]]), &json!(ids[2])));
    let left: Vec<Value> = world.json("backup list")["backups"].as_array().cloned().unwrap_or_default();
    assert_eq!(left.len(), 1);
    assert!(world.cli("backup prune --yes", 0).stdout.starts_with("nothing to remove"));
}

#[test]
fn a_service_makes_them_by_itself() {
    let world = World::with(None, &[("TASKWARD__BACKUP__SCHEDULE", "1s")]);
    until("two were made", || {
        world.json("backup list")["backups"].as_array().is_some_and(|all| all.len() >= 2)
    });
    until("the age is known", || {
        let address = world.server.url().trim_start_matches("http://").to_owned();
        let mut stream = std::net::TcpStream::connect(&address).expect("the service");
        std::io::Write::write_all(
            &mut stream,
            format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .expect("sent");
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stream, &mut text).expect("an answer");
        ["taskward_backup_last_success_age_seconds", "taskward_backup_last_duration_seconds"]
            .iter()
            .all(|name| text.contains(&format!("\n{name} ")))
    });
}

#[test]
fn a_schedule_is_printed_for_systemd_and_cron() {
    let world = World::sqlite();
    let printed = world.json("backup schedule --at 23:05");
    let text = |name: &str| printed[name].as_str().expect(name).to_owned();
    assert!(text("timer").contains("OnCalendar=*-*-* 23:05:00") && text("service").contains("backup create"));
    assert!(text("cron").starts_with("5 23 * * * taskward "));
    world.cli("backup schedule --at 24:00", 2);
}

#[test]
fn the_line_for_cron_needs_nothing_of_the_environment_it_was_printed_in() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = &directory.path().join("a place");
    fs::create_dir(path).expect("made");
    fs::write(path.join("environment"), "DATABASE_URL=sqlite:data/t.db\nAPP_ENV=dev\n").expect("written");
    let at = |words: &[&str]| {
        let mut command = taskward();
        command.args(words).current_dir(path).env("DATABASE_URL", "sqlite:data/t.db");
        run(&mut command)
    };
    at(&["migrate", "up"]).exits(0);
    let printed = at(&["backup", "schedule", "--environment", "environment", "-o", "json"]).exits(0).json();
    let line =
        printed["cron"].as_str().expect("a line").split_once(" taskward ").expect("its user").1.to_owned();
    let ended = std::process::Command::new("sh")
        .args(["-c", &line])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .output()
        .expect("sh");
    assert!(ended.status.success(), "{line}: {ended:?}");
    at(&["backup", "verify", "--latest"]).exits(0);
}
