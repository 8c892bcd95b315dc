//! A key, a backup and a drill that are too old, and a log that is not archived, or held back.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use taskward_testkit::postgres::TempPostgres;

use crate::support::{run, until};
use crate::world::World;

const HOUR: Duration = Duration::from_secs(3600);

fn write_key(file: &Path, key: &str) {
    fs::write(file, key).expect("written");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("its mode");
}

#[test]
fn a_key_that_gets_old_and_is_renewed() {
    // Not in memory, where every restart of a machine makes it anew.
    let directory = tempfile::tempdir_in("/var/tmp").expect("a directory");
    let file = directory.path().join("api_key");
    write_key(&file, &"old".repeat(12));
    let written = File::options().write(true).open(&file).expect("the key");
    let now = written.metadata().and_then(|found| found.modified()).expect("its time");
    written.set_modified(now - HOUR + Duration::from_secs(8)).expect("another time");
    let key = file.to_str().expect("UTF-8");
    let database = format!("sqlite:{}", directory.path().join("taskward.db").display());
    let more = [("API_KEY_FILE", key), ("TASKWARD__ALERTS__KEY_TOO_OLD", "1h")];
    let mut world = World::start_with(&database, &more);
    world.until_told("KeyTooOld", true);
    // The steps of the rule.
    write_key(&file, &"new".repeat(12));
    world.server.stop();
    world.server.restart();
    world.until_told_by_prometheus("KeyTooOld", false);
    until("the service knows", || {
        let mut command = world.server.command(["alerts", "list", "-o", "json"]);
        let listed = run(command.env("API_KEY_FILE", key)).exits(0).json();
        let rules = listed["alerts"].as_array().expect("alerts").clone();
        rules.iter().any(|rule| rule["rule"] == "KeyTooOld" && rule["state"] == "inactive")
    });
}

#[test]
fn a_backup_that_gets_old_and_is_followed_by_another() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = format!("sqlite:{}", directory.path().join("taskward.db").display());
    let backups = tempfile::tempdir().expect("another directory");
    let backups = backups.path().to_str().expect("UTF-8");
    let more = [("TASKWARD__BACKUP__DIR", backups), ("TASKWARD__ALERTS__BACKUP_TOO_OLD", "15s")];
    let world = World::start_with(&database, &more);
    let back_up = || {
        let mut command = world.server.command(["backup", "create"]);
        run(command.env("DATABASE_URL", &database).env("TASKWARD__BACKUP__DIR", backups)).exits(0);
    };
    back_up();
    world.until_told("BackupTooOld", true);
    back_up();
    world.until_told("BackupTooOld", false);
}

#[test]
fn a_first_backup_that_cannot_be_made_and_then_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = format!("sqlite:{}", directory.path().join("taskward.db").display());
    let elsewhere = tempfile::tempdir().expect("another directory");
    // A file where the directory belongs: not even root can write there.
    let in_the_way = elsewhere.path().join("disk");
    fs::write(&in_the_way, b"").expect("written");
    let backups = in_the_way.join("backups").display().to_string();
    let more = [
        ("TASKWARD__BACKUP__DIR", backups.as_str()),
        ("TASKWARD__BACKUP__SCHEDULE", "3s"),
        ("TASKWARD__BACKUP__RPO", "4s"),
    ];
    let mut world = World::start_with(&database, &more);
    world.until_told("BackupFailed", true);
    world.until_told("NoBackup", true);
    // The first step of both says why.
    let mut would = world.server.command(["backup", "create", "--dry-run"]);
    let would = run(would.env("DATABASE_URL", &database).env("TASKWARD__BACKUP__DIR", &backups)).exits(5);
    assert!(would.stderr.contains("is not a directory"), "{would:?}");
    // A restart takes nothing back: the database is as old as it was.
    world.server.stop();
    world.server.restart();
    until("the service says so again", || {
        let listed = run(&mut world.server.command(["alerts", "list", "-o", "json"])).exits(0).json();
        let rules = listed["alerts"].as_array().expect("alerts").clone();
        let fires = |name: &str| rules.iter().any(|rule| rule["rule"] == name && rule["state"] == "firing");
        fires("BackupFailed") && fires("NoBackup")
    });
    fs::remove_file(&in_the_way).expect("removed");
    world.until_told("BackupFailed", false);
    world.until_told("NoBackup", false);
}

#[test]
fn a_log_is_kept_and_no_backup_that_it_could_go_on_from_until_there_is_one() {
    let postgres = TempPostgres::start_with(&[("max_slot_wal_keep_size", "64MB")]);
    let url = postgres.create_database();
    let backups = tempfile::tempdir().expect("a directory");
    let backups = backups.path().to_str().expect("UTF-8");
    let more = [
        ("TASKWARD__BACKUP__DIR", backups),
        ("TASKWARD__BACKUP__WAL", "stream"),
        ("TASKWARD__BACKUP__RPO", "3s"),
    ];
    let world = World::start_with(&url, &more);
    world.until_told("NoBackup", true);
    let mut create = world.server.command(["backup", "create"]);
    run(create.env("DATABASE_URL", &url).env("TASKWARD__BACKUP__DIR", backups)).exits(0);
    world.until_told("NoBackup", false);
}

#[test]
fn backups_that_nobody_ever_tried_until_somebody_does() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = format!("sqlite:{}", directory.path().join("taskward.db").display());
    let backups = tempfile::tempdir().expect("another directory");
    let backups = backups.path().to_str().expect("UTF-8");
    let more = [("TASKWARD__BACKUP__DIR", backups), ("TASKWARD__ALERTS__DRILL_TOO_OLD", "5s")];
    let world = World::start_with(&database, &more);
    let ends_well = |words: [&str; 2], flag: Option<&str>| {
        let mut command = world.server.command(words);
        run(command.args(flag).env("DATABASE_URL", &database).env("TASKWARD__BACKUP__DIR", backups)).exits(0);
    };
    ends_well(["backup", "create"], None);
    world.until_told("NoDrill", true);
    // The first step of the rule.
    ends_well(["drill", "restore"], Some("--latest"));
    world.until_told("NoDrill", false);
}

#[test]
fn a_drill_of_long_ago_that_is_followed_by_another() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = format!("sqlite:{}", directory.path().join("taskward.db").display());
    let backups = tempfile::tempdir().expect("another directory");
    let backups = backups.path().to_str().expect("UTF-8");
    let more = [("TASKWARD__BACKUP__DIR", backups), ("TASKWARD__ALERTS__DRILL_TOO_OLD", "15s")];
    let world = World::start_with(&database, &more);
    let ends_well = |words: [&str; 2], flag: Option<&str>| {
        let mut command = world.server.command(words);
        run(command.args(flag).env("DATABASE_URL", &database).env("TASKWARD__BACKUP__DIR", backups)).exits(0);
    };
    ends_well(["backup", "create"], None);
    ends_well(["drill", "restore"], Some("--latest"));
    world.until_told("DrillTooOld", true);
    // The first step of the rule.
    ends_well(["drill", "restore"], Some("--latest"));
    world.until_told("DrillTooOld", false);
}

#[test]
fn a_log_that_is_not_archived_and_is_again() {
    let postgres = TempPostgres::start_with(&[("max_slot_wal_keep_size", "64MB")]);
    let url = postgres.create_database();
    let backups = tempfile::tempdir().expect("a directory");
    let dir = backups.path().join("backups");
    // A file where the directory of the log belongs: nothing can be archived.
    fs::create_dir(&dir).expect("a directory");
    fs::write(dir.join("wal"), b"").expect("written");
    let shown = dir.display().to_string();
    let more = [
        ("TASKWARD__BACKUP__DIR", shown.as_str()),
        ("TASKWARD__BACKUP__WAL", "stream"),
        ("TASKWARD__ALERTS__WAL_ARCHIVE_LAG", "2s"),
    ];
    let world = World::start_with(&url, &more);
    world.server.enqueue(&[]);
    world.until_told("WalArchiveLag", true);
    fs::remove_file(dir.join("wal")).expect("removed");
    world.until_told("WalArchiveLag", false);
}

#[test]
fn a_log_that_is_held_back_and_is_archived_again() {
    let backups = tempfile::tempdir().expect("a directory");
    let dir = backups.path().join("backups");
    fs::create_dir(&dir).expect("a directory");
    // PostgreSQL's user archives there.
    for path in [backups.path(), &dir] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("its mode");
    }
    // A file where the directory of the log belongs: nothing can be archived.
    fs::write(dir.join("wal"), b"").expect("written");
    let shown = dir.display().to_string();
    let command = format!("{} backup archive-wal --dir {shown} %p", env!("CARGO_BIN_EXE_taskward"));
    let postgres = TempPostgres::start_with(&[("archive_mode", "on"), ("archive_command", &command)]);
    let url = postgres.create_database();
    let more = [
        ("TASKWARD__BACKUP__DIR", shown.as_str()),
        ("TASKWARD__BACKUP__WAL", "command"),
        ("TASKWARD__ALERTS__WAL_HELD_BACK", "4MiB"),
    ];
    let world = World::start_with(&url, &more);
    let write = |bytes: u32| {
        let sql = format!("SELECT pg_logical_emit_message(false, 'test', repeat('x', {bytes}))");
        postgres.execute("postgres", &sql);
    };
    until("the log is watched", || {
        let listed = run(&mut world.server.command(["alerts", "list", "-o", "json"])).exits(0).json();
        let rules = listed["alerts"].as_array().expect("alerts").clone();
        rules.iter().any(|rule| rule["rule"] == "WalHeldBack" && rule["state"] == "inactive")
    });
    write(6 << 20);
    world.until_told("WalHeldBack", true);
    fs::remove_file(dir.join("wal")).expect("removed");
    // A segment that is full wakes whoever hands it over.
    write(2 << 20);
    world.until_told("WalHeldBack", false);
}
