//! What is refused, with which exit code, and that nothing was touched.

use std::fs::{self, File};

use super::world::{World, contents, pretended};
use crate::support::{run, taskward};

const ID: &str = "20200101-000000";

#[test]
fn what_is_no_log_is_not_archived() {
    let directory = tempfile::tempdir().expect("a directory");
    let name = "000000010000000000000001";
    fs::create_dir(directory.path().join(name)).expect("a directory");
    let refused = |code: i32, part: &str| {
        let words = ["backup", "archive-wal", name, "--dir", "backups"];
        let ended = run(taskward().args(words).current_dir(&directory)).exits(code);
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
        assert!(!directory.path().join("backups").exists(), "nothing was archived");
    };
    refused(2, "it is a directory");
    fs::remove_dir(directory.path().join(name)).expect("removed");
    for content in [&b""[..], b"PGDATA", &[0; 1 << 20]] {
        fs::write(directory.path().join(name), content).expect("written");
        refused(2, "[not_log]");
    }
}

#[test]
fn a_log_is_not_streamed_to_where_nothing_can_be_written() {
    let mut command = taskward();
    command.args(["backup", "stream"]).env("DATABASE_URL", "postgres://u:planted@127.0.0.1:1/d");
    let ended = run(command.env("TASKWARD__BACKUP__DIR", "/proc/taskward")).exits(5);
    assert!(ended.stderr.contains("[backup_destination]") && !ended.stderr.contains("planted"), "{ended:?}");
}

#[test]
fn a_destination_that_cannot_take_it_is_refused_before_anything_is_written() {
    let world = World::sqlite();
    world.server.enqueue(&[]);
    fs::write(world.path("file"), b"").expect("written");
    let data = world.path("data");
    let cases = [
        (data.clone(), "the database's own directory"),
        (data.join("below/it"), "the database's own directory"),
        (world.path("data/../data/backups"), "the database's own directory"),
        (world.path("file"), "is not a directory"),
        ("/proc/taskward".into(), "cannot be written to"),
    ];
    for (dir, why) in cases {
        for words in ["backup create", "backup create --dry-run"] {
            let mut command = world.command(words);
            let ended = run(command.env("TASKWARD__BACKUP__DIR", &dir)).exits(5);
            assert!(ended.stderr.contains("[backup_destination]") && ended.stderr.contains(why), "{ended:?}");
        }
    }
    assert!(!data.join("below").exists() && !data.join("backups").exists());
    let mut command = world.command("backup create");
    let nowhere = format!("sqlite:{}", world.path("nowhere.db").display());
    run(command.env("DATABASE_URL", nowhere)).exits(6);
    assert!(!world.backups().exists() && !world.path("nowhere.db").exists());
}

#[test]
fn a_directory_of_backups_that_cannot_be_read_is_refused_and_no_pass() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    fs::write(&file, b"").expect("written");
    let cases = [
        ("backup list", 5, "[backup_destination]"),
        ("backup verify --latest", 5, "[backup_destination]"),
        ("backup prune --yes", 5, "[backup_destination]"),
        ("backup check", 4, "[backup_check]"),
        ("restore run --latest --yes", 5, "[backup_destination]"),
        ("restore list-points", 5, "[backup_destination]"),
        ("restore report", 5, "[backup_destination]"),
        ("drill restore --latest", 5, "[backup_destination]"),
        ("drill history", 5, "[backup_destination]"),
    ];
    for (words, code, part) in cases {
        let mut command = taskward();
        command.args(words.split(' ')).current_dir(&directory).env("TASKWARD__BACKUP__DIR", &file);
        let ended = run(&mut command).exits(code);
        for part in [part, "Not a directory", "taskward config explain backup.dir"] {
            assert!(ended.stderr.contains(part), "{words}: {part:?} is not in\n{}", ended.stderr);
        }
    }
}

#[test]
fn somebody_else_at_work_is_a_conflict() {
    let world = World::sqlite();
    world.backup("");
    let lock = File::options().write(true).open(world.backups().join(".lock")).expect("the lock");
    lock.lock().expect("locked");
    assert!(world.cli("backup create", 7).stderr.contains("[backup_locked]"));
    assert!(world.cli("backup prune --yes", 7).stderr.contains("[backup_locked]"));
    assert_eq!(world.json("backup list")["backups"].as_array().map(Vec::len), Some(1));
    lock.unlock().expect("unlocked");
    world.backup("");
}

#[test]
fn a_restore_to_where_it_may_not_go_changes_nothing() {
    let mut world = World::sqlite();
    world.server.enqueue(&[]);
    let id = world.backup("");
    let ended = world.cli(&format!("restore run {id} --yes"), 7);
    assert!(ended.stderr.contains("[target_in_use]"), "the service runs: {}", ended.stderr);
    assert_eq!(world.json("queue get q")["depth"]["available"], 1);
    world.server.stop();
    fs::write(world.path("file"), b"something else").expect("written");
    let before = contents(&world.path("data"));
    let mut drill = world.command(&format!("drill restore {id}"));
    let ended = run(drill.env("TASKWARD__BACKUP__SCRATCH_DIR", world.path("file"))).exits(5);
    assert!(ended.stderr.contains("taskward config explain backup.scratch_dir"), "{ended:?}");
    for target in ["file", "data"] {
        let words = format!("restore run {id} --target {} --yes", world.path(target).display());
        assert!(world.cli(&words, 5).stderr.contains("[target_refused]"));
    }
    assert_eq!(contents(&world.path("data")), before);
    assert_eq!(fs::read(world.path("file")).expect("read"), b"something else");
    // With the service stopped it may.
    world.cli(&format!("restore run {id} --yes"), 0);
}

#[test]
fn what_postgresql_does_not_allow_is_said_with_what_helps() {
    let mut world = World::postgres();
    let id = world.backup("");
    let dump = world.backup("--format dump");
    let with = |world: &World, words: &str, name: &str, value: &str, code: i32, parts: &[&str]| {
        let mut command = world.command(words);
        let ended = run(command.env(name, value)).exits(code);
        for part in parts {
            assert!(ended.stderr.contains(part), "{words}: {part:?} is not in\n{}", ended.stderr);
        }
        assert!(!ended.stderr.contains("planted"));
    };
    let bin = "TASKWARD__BACKUP__PG_BIN";
    let empty = world.path("empty").display().to_string();
    fs::create_dir(&empty).expect("a directory");
    let old = pretended(&world.path("old"), "pg_basebackup", "12.3", "exit 1").display().to_string();
    with(
        &world,
        "backup create",
        bin,
        &empty,
        5,
        &["[program_missing]", "apt-get install postgresql-client-"],
    );
    with(&world, "backup create", bin, &old, 5, &["[program_version]", "12.3"]);
    with(&world, "backup create --format dump", bin, &empty, 5, &["[program_missing]", "pg_dump"]);
    let target = world.path("restored").display().to_string();
    let restore = format!("restore run {id} --target {target} --yes");
    with(&world, &restore, bin, &empty, 5, &["[program_missing]", "postgresql-"]);
    with(&world, &format!("drill restore {id}"), bin, &empty, 5, &["[program_missing]"]);

    let postgres = world.postgres.as_ref().expect("a server");
    postgres.execute("postgres", "CREATE ROLE poor LOGIN; GRANT ALL ON DATABASE test_0 TO poor");
    let poor = postgres.url("test_0").replace("taskward@", "poor:planted@");
    with(
        &world,
        "backup create",
        "DATABASE_URL",
        &poor,
        5,
        &["[replication_refused]", "ALTER ROLE \"poor\" REPLICATION"],
    );
    let nobody = "postgres://u:planted@127.0.0.1:1/d";
    with(&world, "backup create", "DATABASE_URL", nobody, 8, &["[database_unavailable]"]);

    world.cli(&format!("restore run {id} --yes"), 5);
    world.cli(&format!("restore run {dump} --yes"), 5);
    world.cli(&format!("restore run {dump} --target Not-A-Name --yes"), 5);
    world.cli(&format!("restore run {dump} --target test_0 --yes"), 5);
    let data = world.target();
    let running = world.cli(&format!("restore run {id} {data} --yes"), 7);
    assert!(running.stderr.contains("[target_in_use]"), "{running:?}");
    fs::create_dir(world.path("full")).expect("a directory");
    fs::write(world.path("full/file"), b"").expect("written");
    world.cli(&format!("restore run {id} --target {} --yes", world.path("full").display()), 5);
    assert!(!world.path("restored").exists());
    world.stop();
    assert_eq!(world.cli(&format!("backup verify {ID}"), 6).stdout, "");
}
