//! SQLite brought back to moments: every task that was acknowledged by then is there, and none that was created later.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::damage::DAMAGES;
use super::world::{World, contents};
use crate::support::{run, until};

/// How many moments are tried.
const MOMENTS: usize = 20;
/// The most that may be lost with the machine.
const RPO: SignedDuration = SignedDuration::from_secs(1);

/// How long after it was sent a signal has killed, and what the time of the log's file is taken for is past.
const DEAD_WITHIN: SignedDuration = SignedDuration::from_millis(250);

/// A task, and when it was asked for and acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Created {
    pub(super) id: String,
    pub(super) sent: Timestamp,
    pub(super) acknowledged: Timestamp,
}

#[expect(clippy::disallowed_methods, reason = "what clients see is told by the machine's clock")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

fn world() -> World {
    World::with(None, &[("TASKWARD__BACKUP__WAL", "stream")])
}

/// Creates tasks from several threads while `meanwhile` runs, and until the service is gone or that has ended. It is given
/// something that waits until so many more are acknowledged.
fn load<T>(world: &World, meanwhile: impl FnOnce(&dyn Fn(usize)) -> T) -> (Vec<Created>, T) {
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let more = |tasks: usize| {
        let wanted = count.load(Ordering::Relaxed) + tasks;
        while count.load(Ordering::Relaxed) < wanted {
            thread::yield_now();
        }
    };
    let create = || {
        let mut created = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let sent = now();
            let task = json!({"kind": "k", "queue": "q", "payload": "x".repeat(500)});
            let Some((201, task)) = world.try_post("/api/v1/tasks", &task) else { break };
            let id = task["id"].as_str().expect("an id").to_owned();
            count.fetch_add(1, Ordering::Relaxed);
            created.push(Created { id, sent, acknowledged: now() });
        }
        created
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(create)).collect();
        let done = meanwhile(&more);
        over.store(true, Ordering::Relaxed);
        (threads.into_iter().flat_map(|thread| thread.join().expect("created")).collect(), done)
    })
}

/// The ids of all tasks in a database file.
fn ids(path: &Path) -> BTreeSet<String> {
    let connection = rusqlite::Connection::open(path).expect("opened");
    let mut statement =
        connection.prepare("SELECT hex(id) FROM tasks UNION SELECT hex(id) FROM history").expect("SQL");
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    rows.map(|id| id.expect("an id").to_lowercase()).collect()
}

/// Restores to a moment beside everything else: the tasks that are there then.
pub(super) fn restored(world: &World, to: Timestamp) -> BTreeSet<String> {
    let target = world.path("restored.db");
    let restored = world.json(&format!("restore pitr --to {to} --target {} --yes", target.display()));
    assert_eq!(restored["to"].as_str().and_then(|at| at.parse().ok()), Some(to), "{restored}");
    let found = ids(&target);
    fs::remove_file(&target).expect("removed");
    found
}

/// Compares what was restored with what was acknowledged; how many had to be there, and how many must not. What was not
/// archived when the service was killed counts as committed when it last wrote, whenever that was in its last second.
#[track_caller]
pub(super) fn check(
    created: &[Created],
    killed: Timestamp,
    to: Timestamp,
    found: &BTreeSet<String>,
) -> (usize, usize) {
    let has = |task: &&Created| found.contains(&task.id.replace('-', ""));
    let by = |task: &Created| {
        let dead = killed + DEAD_WITHIN;
        let last_second = killed - RPO < task.acknowledged && task.sent < dead;
        if last_second { dead.max(task.acknowledged) } else { task.acknowledged }
    };
    let due: Vec<_> = created.iter().filter(|task| by(task) <= to).collect();
    let later: Vec<_> = created.iter().filter(|task| task.sent > to).collect();
    let missing: Vec<_> = due.iter().filter(|task| !has(task)).collect();
    let early: Vec<_> = later.iter().filter(|task| has(task)).collect();
    assert!(missing.is_empty() && early.is_empty(), "to {to}: missing {missing:?}, too early {early:?}");
    (due.len(), later.len())
}

fn moment(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no moment: {value}"))
}

/// Waits until the latest window goes on beyond a moment.
pub(super) fn window_beyond(world: &World, at: Timestamp) -> (Timestamp, Timestamp) {
    let mut command = world.command("restore list-points -o json");
    loop {
        // Right after a backup its window may not have begun.
        let ended = run(&mut command);
        assert!(matches!(ended.code, Some(0 | 6)), "{ended:?}");
        let points = ended.json();
        if let Some(window) = points["windows"].get(0) {
            let (from, to) = (moment(&window["from"]), moment(&window["to"]));
            if to > at {
                return (from, to);
            }
        }
    }
}

#[test]
fn twenty_moments_with_a_crash_between_are_what_was_acknowledged() {
    let mut world = world();
    let (mut created, _) = load(&world, |more| {
        more(100);
        world.backup("")
    });
    window_beyond(&world, Timestamp::UNIX_EPOCH);
    let (more, killed) = load(&world, |more| {
        more(200);
        let killed = now();
        world.server.signal("KILL");
        killed
    });
    created.extend(more);
    // What a machine that never comes back would have cost.
    let points = world.json("restore list-points");
    let end = moment(&points["windows"][0]["to"]);
    let found = restored(&world, end);
    let lost = created.iter().filter(|task| !found.contains(&task.id.replace('-', "")));
    let rpo = lost.map(|task| killed.duration_since(task.acknowledged)).max().unwrap_or(SignedDuration::ZERO);
    println!("RPO: {rpo:?} of at most {RPO:?}; the window ended {:?} before", killed.duration_since(end));
    assert!(rpo <= RPO, "lost what was acknowledged {rpo:?} before the crash");
    world.server.crash();
    world.server.restart();
    let (more, _) = load(&world, |more| {
        more(100);
        world.backup("");
        more(100);
    });
    created.extend(more);
    let (from, to) = window_beyond(&world, now());
    let points = world.json("restore list-points");
    assert_eq!(points["windows"].as_array().map(Vec::len), Some(1), "one log, across the crash: {points}");
    assert_eq!(points["windows"][0]["bases"].as_array().map(Vec::len), Some(2), "{points}");
    let length = to.duration_since(from).as_micros();
    let (mut due, mut later) = (0, 0);
    for _ in 0..MOMENTS {
        let at = from
            + SignedDuration::from_micros(
                i64::try_from(length).map(|all| fastrand::i64(0..all)).expect("short"),
            );
        let (there, not_there) = check(&created, killed, at, &restored(&world, at));
        due += there;
        later += not_there;
    }
    println!(
        "{MOMENTS} moments, {} tasks: {due} had to be there and were, {later} must not and were not",
        created.len()
    );
    world.cli("backup verify --latest", 0);
    world.cli(&format!("drill restore --to {to}"), 0);
}

#[test]
fn a_clean_restart_and_other_programs_that_look_break_nothing() {
    let mut world = world();
    let first = world.server.enqueue(&[]);
    world.backup("");
    world.server.stop();
    // A backup of a service that is down, and what reads the file, leave the log as it is.
    world.backup("");
    world.cli("db check", 0);
    world.server.restart();
    let second = world.server.enqueue(&[]);
    window_beyond(&world, now());
    world.server.crash();
    world.backup("");
    world.cli("db check", 0);
    world.server.restart();
    let third = world.server.enqueue(&[]);
    let (from, to) = window_beyond(&world, now());
    let points = world.json("restore list-points");
    assert_eq!(points["gaps"].as_array().map(Vec::len), Some(0), "{points}");
    assert_eq!(points["windows"][0]["bases"].as_array().map(Vec::len), Some(3), "{points}");
    let ids = |names: &[&String]| names.iter().map(|id| id.replace('-', "")).collect::<BTreeSet<_>>();
    assert_eq!(restored(&world, from), ids(&[&first]));
    assert_eq!(restored(&world, to), ids(&[&first, &second, &third]));
}

#[test]
fn what_somebody_else_did_to_the_database_is_a_gap_and_the_next_backup_goes_beyond_it() {
    let mut world = world();
    world.server.enqueue(&[]);
    world.backup("");
    let (_, before) = window_beyond(&world, now());
    world.server.stop();
    let file = world.path("data/taskward.db");
    // The last to close moves the log into the file.
    rusqlite::Connection::open(&file)
        .and_then(|connection| connection.execute_batch("CREATE TABLE another (n INTEGER)"))
        .expect("changed");
    world.server.restart();
    let log = fs::read_to_string(world.server.path("serve.log")).expect("a log");
    assert!(log.contains("has a gap"), "{log}");
    let second = world.server.enqueue(&[]);
    let points = world.json("restore list-points");
    assert_eq!(points["gaps"].as_array().map(Vec::len), Some(1), "{points}");
    let gap = world.cli("restore list-points", 0);
    assert!(gap.stdout.contains("GAP: the database was changed or replaced"), "{gap:?}");
    // The window from before is there still, and ends at the gap.
    restored(&world, before);
    let late = now();
    let refused =
        world.cli(&format!("restore pitr --to {late} --target {} --yes", world.path("x.db").display()), 5);
    assert!(
        refused.stderr.contains("[outside_window]") && refused.stderr.contains("any moment from"),
        "{refused:?}"
    );
    world.backup("");
    let (_, to) = window_beyond(&world, now());
    assert!(restored(&world, to).contains(&second.replace('-', "")));
    assert_eq!(world.json("restore list-points")["windows"].as_array().map(Vec::len), Some(2));
}

#[test]
fn an_archive_that_cannot_be_written_stops_nobody_and_goes_on_later() {
    let world = world();
    world.server.enqueue(&[]);
    world.backup("");
    window_beyond(&world, now());
    let dir = world.backups().join("wal/sqlite");
    let away = world.path("away");
    fs::rename(&dir, &away).expect("moved");
    fs::write(&dir, b"").expect("a file in its place");
    let second = world.server.enqueue(&[]);
    let log = || fs::read_to_string(world.server.path("serve.log")).expect("a log");
    until("it is told", || log().contains("cannot be archived"));
    until("it is behind", || world.lag() > 0.0);
    let third = world.server.enqueue(&[]);
    fs::remove_file(&dir).expect("removed");
    fs::rename(&away, &dir).expect("back");
    let (_, to) = window_beyond(&world, now());
    until("nothing is behind", || world.lag() == 0.0);
    let found = restored(&world, to);
    assert!(
        [second, third].iter().all(|id| found.contains(&id.replace('-', ""))),
        "no gap: the log was kept"
    );
    assert_eq!(world.json("restore list-points")["gaps"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_moment_that_cannot_be_restored_to_changes_nothing() {
    let mut world = world();
    world.server.enqueue(&[]);
    let target = format!("--target {} --yes", world.path("x.db").display());
    let pitr = |to: &str| format!("restore pitr --to {to} {target}");
    world.cli(&pitr("2026-01-01T00:00:00Z"), 6);
    world.cli("restore list-points", 6);
    world.backup("");
    let (from, to) = window_beyond(&world, now());
    for (moment, code, said) in [
        ("yesterday".to_owned(), 2, "expected a moment"),
        ("2026-01-01T00:00:00".to_owned(), 2, "expected a moment"),
        ("2999-01-01T00:00:00Z".to_owned(), 2, "[time_in_future]"),
        ((from - SignedDuration::from_secs(1)).to_string(), 5, "[outside_window]"),
    ] {
        let ended = world.cli(&pitr(&moment), code);
        assert!(ended.stderr.contains(said), "{moment}: {ended:?}");
        world.cli(&format!("drill restore --to {moment}"), code);
    }
    let live = format!("restore pitr --to {to} --yes");
    assert!(world.cli(&live, 7).stderr.contains("[target_in_use]"));
    fs::write(world.path("x.db"), b"something else").expect("written");
    assert!(world.cli(&pitr(&to.to_string()), 5).stderr.contains("[target_refused]"));
    fs::remove_file(world.path("x.db")).expect("removed");
    let unsure = world.cli(&format!("restore pitr --to {to} --target {}", world.path("x.db").display()), 9);
    assert!(unsure.stderr.contains("restore pitr --to"), "{unsure:?}");
    assert!(!world.path("x.db").exists());
    world.server.enqueue(&[]);
    let later = world.server.enqueue(&[]);
    world.server.stop();
    let preview = world.json(&format!("restore pitr --to {to} --preview"));
    assert_eq!(preview["plan"]["point"]["lost"]["created"], 2, "{preview}");
    assert!(preview["plan"]["point"]["commit_at"].is_string(), "{preview}");
    let restored = world.json(&live);
    assert_eq!((&restored["lost"], &restored["compared"]), (&json!(2), &json!(true)), "{restored}");
    world.server.restart();
    world.cli(&format!("task get {later}"), 6);
    assert!(world.cli("restore report", 0).stdout.contains("2 tasks were created since then"));
}

#[test]
fn damage_to_a_file_of_the_log_is_said_by_name() {
    let mut world = world();
    world.server.enqueue(&[]);
    let id = world.backup("");
    window_beyond(&world, now());
    // Each start begins a file.
    world.server.stop();
    world.server.restart();
    world.server.enqueue(&[]);
    let (_, to) = window_beyond(&world, now());
    world.server.stop();
    let dir = world.backups().join("wal/sqlite");
    let sound = contents(&dir);
    let names: Vec<_> = sound.iter().filter(|(_, bytes)| !bytes.is_empty()).map(|(path, _)| path).collect();
    assert!(names.len() >= 3, "{names:?}");
    let refused = |what: &str, names: &[&str]| {
        for words in [
            "backup verify --latest".to_owned(),
            format!("restore pitr --to {to} --target {} --yes", world.path("x.db").display()),
            format!("drill restore --to {to}"),
        ] {
            let ended = run(&mut world.command(&words));
            assert!(matches!(ended.code, Some(3 | 6)), "{what}: {words}: {ended:?}");
            assert!(
                names.iter().any(|name| ended.stderr.contains(name)),
                "{what}: {words}: {}",
                ended.stderr
            );
        }
        assert!(!world.path("x.db").exists(), "{what}");
    };
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut tried = 0;
    for path in &names {
        for (what, damage) in DAMAGES {
            damage(path);
            refused(&format!("{} {what}", name(path)), &[&name(path)]);
            fs::write(path, &sound[*path]).expect("repaired");
            tried += 1;
        }
    }
    let (first, second) = (names[0], names[1]);
    fs::write(first, &sound[second]).expect("swapped");
    fs::write(second, &sound[first]).expect("swapped");
    refused("swapped", &[&name(first), &name(second)]);
    fs::write(first, &sound[first]).expect("repaired");
    fs::write(second, &sound[second]).expect("repaired");
    // Only a restore to a moment needs the log: the backup itself does not.
    let archived = dir.join("archived.json");
    for (what, damage) in DAMAGES {
        damage(&archived);
        let pitr = format!("restore pitr --to {to} --target {} --yes", world.path("x.db").display());
        let ended = run(&mut world.command(&pitr));
        assert!(ended.stderr.contains("taskward restore run"), "{what}: {}", ended.stderr);
        world.cli(&format!("drill restore {id}"), 0);
        world.cli(&format!("restore run --latest --target {} --yes", world.path("x.db").display()), 0);
        fs::remove_file(world.path("x.db")).expect("removed");
        fs::write(&archived, &sound[&archived]).expect("repaired");
    }
    println!("{} files, {tried} damages and a swap: each refused by name", names.len());
    world.cli("backup verify --latest", 0);
    restored(&world, to);
}
