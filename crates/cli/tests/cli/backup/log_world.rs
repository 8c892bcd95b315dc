//! A PostgreSQL whose log is archived, tasks with the times they were acknowledged at, and what was restored of them.

#![expect(clippy::print_stderr, reason = "the counts are the proof, and belong in the output of the tests")]

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::SystemTime;

use jiff::Timestamp;
use serde_json::{Value, json};
use taskward_testkit::postgres::TempPostgres;
use tempfile::TempDir;

use super::world::World;
use crate::support::{run, until};

/// The payload of a task: some twenty of them fill a segment of the test's server.
const PAYLOAD: usize = 48 << 10;

/// A task, and when it was asked for and acknowledged.
#[derive(Debug)]
pub(super) struct Created {
    pub(super) id: String,
    pub(super) asked: Timestamp,
    pub(super) acknowledged: Timestamp,
}

/// What was found in a restored database.
pub(super) struct Checked {
    pub(super) moment: Timestamp,
    pub(super) found: usize,
    /// Tasks that were on their way at the moment: they may be there or not.
    pub(super) open: usize,
}

pub(super) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the test is the client, whose clock counts")]
    Timestamp::try_from(SystemTime::now()).expect("a time")
}

/// The randomness of a run, whose seed is printed.
pub(super) fn seed(title: &str) -> fastrand::Rng {
    let seed = fastrand::u64(..);
    eprintln!("{title}: seed {seed}");
    fastrand::Rng::with_seed(seed)
}

/// A service that receives the log of its database.
pub(super) fn streaming(more: &[(&str, &str)]) -> World {
    streaming_with("256MB", more)
}

/// The same, of which the server keeps only so much that is not received.
pub(super) fn streaming_with(kept: &str, more: &[(&str, &str)]) -> World {
    let postgres = TempPostgres::start_with(&[("max_slot_wal_keep_size", kept)]);
    let variables = [&[("TASKWARD__BACKUP__WAL", "stream")], more].concat();
    World::with(Some(postgres), &variables)
}

/// A service, and a PostgreSQL that hands its log over by itself; with the directory that is for both.
pub(super) fn handing_over() -> (World, TempDir) {
    let room = room();
    let backups = room.path().join("backups");
    fs::create_dir(&backups).expect("a directory");
    // PostgreSQL's user writes there, and so does the test's.
    fs::set_permissions(&backups, Permissions::from_mode(0o777)).expect("mode");
    let backups = backups.display().to_string();
    let command = format!("{} backup archive-wal --dir {backups} %p", env!("CARGO_BIN_EXE_taskward"));
    let settings =
        [("archive_mode", "on"), ("archive_command", command.as_str()), ("archive_timeout", "60s")];
    let postgres = TempPostgres::start_with(&settings);
    let variables = [("TASKWARD__BACKUP__WAL", "command"), ("TASKWARD__BACKUP__DIR", backups.as_str())];
    (World::with(Some(postgres), &variables), room)
}

/// Segments that are archived.
pub(super) fn archived(world: &World) -> usize {
    let found = fs::read_dir(world.backups().join("wal/postgres")).into_iter().flatten();
    found.filter(|entry| entry.as_ref().is_ok_and(|it| it.path().extension() == Some("gz".as_ref()))).count()
}

/// Creates tasks, one after another, while something is done.
pub(super) fn create_while(world: &World, work: impl FnOnce()) -> Vec<Created> {
    let done = AtomicBool::new(false);
    /// Ends the creator also when what is done panics.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    thread::scope(|scope| {
        let ends = Done(&done);
        let creator = scope.spawn(|| {
            let mut created = Vec::new();
            while !done.load(Ordering::Relaxed) {
                created.extend(create(world));
            }
            created
        });
        work();
        drop(ends);
        creator.join().expect("the tasks")
    })
}

/// Creates a task; `None` when the service did not acknowledge it.
pub(super) fn create(world: &World) -> Option<Created> {
    // What repeats itself would be compressed before it is logged.
    let payload: String = std::iter::repeat_with(fastrand::alphanumeric).take(PAYLOAD).collect();
    let asked = now();
    let body = json!({"kind": "k", "queue": "q", "payload": payload});
    let (status, answer) = world.post("/api/v1/tasks", &body);
    let acknowledged = now();
    let id = answer["id"].as_str().filter(|_| status == 201)?.to_owned();
    Some(Created { id, asked, acknowledged })
}

/// Waits until the archive has everything that was written by now.
pub(super) fn until_all_is_archived(world: &World) {
    let by = now();
    until("the archive reaches to now", || {
        let ended = run(&mut world.command("restore list-points -o json"));
        assert!(!ended.stdout.contains("end.json"), "that there is nothing yet is no damage: {ended:?}");
        ended.code == Some(0) && time(&ended.json()["windows"][0]["to"]) > by
    });
}

pub(super) fn time(value: &Value) -> Timestamp {
    value.as_str().expect("a time").parse().expect("a time")
}

/// A moment between two.
pub(super) fn between(from: Timestamp, to: Timestamp, rng: &mut fastrand::Rng) -> Timestamp {
    Timestamp::from_microsecond(rng.i64(from.as_microsecond()..=to.as_microsecond())).expect("a time")
}

/// A directory that PostgreSQL's user may enter.
pub(super) fn room() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("mode");
    dir
}

/// Restores to a moment elsewhere, and says which tasks are there.
pub(super) fn found_at(world: &World, moment: Timestamp) -> BTreeSet<String> {
    let room = room();
    let target: PathBuf = room.path().join("restored");
    let words = format!("restore pitr --to {moment} --target {} --yes", target.display());
    world.json(&words);
    let restored = TempPostgres::adopt(&target);
    let text = restored.execute("test_0", "SELECT id FROM tasks UNION ALL SELECT id FROM history");
    text.lines().map(ToOwned::to_owned).collect()
}

/// Restores to a moment elsewhere, and compares every task with what it must be.
pub(super) fn restored_to(world: &World, moment: Timestamp, created: &[Created]) -> Checked {
    let found = found_at(world, moment);
    let mut open = 0;
    for task in created {
        let there = found.contains(&task.id);
        if task.acknowledged <= moment {
            assert!(there, "{moment}: {task:?} was acknowledged, and is not there");
        } else if task.asked > moment {
            assert!(!there, "{moment}: {task:?} was created later, and is there");
        } else {
            open += 1;
        }
    }
    let known: BTreeSet<String> = created.iter().map(|task| task.id.clone()).collect();
    assert!(found.is_subset(&known), "{moment}: nothing else is there");
    Checked { moment, found: found.len(), open }
}

/// Prints what was checked.
pub(super) fn print(title: &str, checked: &[Checked], created: &[Created]) {
    for one in checked {
        eprintln!("{title}: {}: {} tasks, {} on their way", one.moment, one.found, one.open);
    }
    eprintln!("{title}: {} moments, each of {} tasks as it was", checked.len(), created.len());
}
