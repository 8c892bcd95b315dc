//! The files of SQLite's log: when another one is begun, and which of them go.

#![expect(clippy::print_stderr, reason = "the counts are the proof, and belong in the output of the tests")]

use std::fs;

use jiff::Timestamp;
use serde_json::json;

use super::points::{Created, check, now, restored, window_beyond};
use super::world::World;

/// A file that has become this large is followed by another.
const FILE_BYTES: u64 = 16 << 20;
/// The payload of a task: some ninety of them fill a file, since they do not compress well.
const PAYLOAD: usize = 240 << 10;

/// The files of the log, the oldest first, with their sizes.
fn files(world: &World) -> Vec<(String, u64)> {
    let entries = fs::read_dir(world.backups().join("wal/sqlite")).expect("the log");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry"))
        .map(|entry| {
            (entry.file_name().into_string().expect("UTF-8"), entry.metadata().expect("its size").len())
        })
        .filter(|(name, _)| name.ends_with(".log"))
        .collect();
    files.sort_unstable();
    files
}

/// Creates tasks, one after another, until the log has so many files.
fn create_until(world: &World, wanted: usize) -> Vec<Created> {
    let mut created = Vec::new();
    while files(world).len() < wanted {
        let payload: String = std::iter::repeat_with(fastrand::alphanumeric).take(PAYLOAD).collect();
        let sent = now();
        let (status, task) =
            world.post("/api/v1/tasks", &json!({"kind": "k", "queue": "q", "payload": payload}));
        assert_eq!(status, 201, "{task}");
        let id = task["id"].as_str().expect("an id").to_owned();
        created.push(Created { id, sent, acknowledged: now() });
    }
    created
}

/// Restores to a moment, and compares every task with what it must be.
#[track_caller]
fn compare(world: &World, created: &[Created], to: Timestamp) {
    // Nothing was killed: whatever was acknowledged by then is there.
    let (due, later) = check(created, Timestamp::UNIX_EPOCH, to, &restored(world, to));
    eprintln!("{to}: {due} tasks are there, {later} are not");
}

#[test]
fn a_file_is_followed_by_another_and_those_that_no_backup_needs_go() {
    let variables = [
        ("TASKWARD__BACKUP__WAL", "stream"),
        ("TASKWARD__BACKUP__KEEP_DAILY", "1"),
        ("TASKWARD__BACKUP__KEEP_WEEKLY", "0"),
        ("TASKWARD__BACKUP__KEEP_MONTHLY", "0"),
    ];
    let world = World::with(None, &variables);
    world.backup("");
    let mut created = create_until(&world, 2);
    let (_, early) = window_beyond(&world, now());
    created.extend(create_until(&world, 3));
    let second = world.backup("");
    created.extend(create_until(&world, 4));
    let (_, late) = window_beyond(&world, now());
    let before = files(&world);
    let closed = before.iter().rev().skip(1);
    assert!(closed.into_iter().all(|(_, bytes)| *bytes >= FILE_BYTES), "{before:?}");
    compare(&world, &created, early);
    compare(&world, &created, late);

    let start = &world.json(&format!("backup show {second}"))["log"]["id"];
    let (chain, number) =
        (start["chain"].as_str().expect("a chain"), start["number"].as_u64().expect("a number"));
    let first_needed = format!("{chain}-{number:08}.log");
    let dry = world.json("backup prune --dry-run");
    assert_eq!(files(&world).len(), before.len(), "nothing was removed: {dry}");
    let pruned = world.json("backup prune --yes");
    assert_eq!(pruned["removed"], dry["removed"]);
    assert_eq!(pruned["kept"], json!([second]));
    let names = |files: Vec<(String, u64)>| files.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let (before, after) = (names(before), names(files(&world)));
    let needed: Vec<_> = before.iter().filter(|name| **name >= first_needed).cloned().collect();
    assert!(needed.len() < before.len() && after == needed, "{first_needed}: {before:?}, then {after:?}");

    let points = world.json("restore list-points");
    assert_eq!((&points["gaps"], &points["damaged"]), (&json!([]), &json!([])), "{points}");
    assert_eq!(points["windows"][0]["bases"][0]["backup"], json!(second), "{points}");
    let target = world.path("too_early.db");
    world.cli(&format!("restore pitr --to {early} --target {} --yes", target.display()), 5);
    compare(&world, &created, late);
    world.cli("backup verify --latest", 0);
    // It goes on after that.
    created.extend(create_until(&world, after.len() + 1));
    let (_, end) = window_beyond(&world, now());
    compare(&world, &created, end);
}
