//! Each kind of file of a backup, damaged in each way: said by name, and never used.

use std::fs;
use std::path::{Path, PathBuf};

use taskward_testkit::postgres::TempPostgres;

use super::world::{World, contents};
use crate::support::run;

/// Something that can happen to a file.
pub(super) type Damage = (&'static str, fn(&Path));

pub(super) const DAMAGES: [Damage; 4] = [
    ("truncated", |path| {
        let bytes = fs::read(path).expect("read");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
    }),
    ("with another byte", |path| {
        let mut bytes = fs::read(path).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).expect("written");
    }),
    ("missing", |path| fs::remove_file(path).expect("removed")),
    ("empty", |path| fs::write(path, b"").expect("written")),
];

/// A kind of backup, and where one is restored to.
struct Kind {
    world: World,
    more: &'static str,
}

impl Kind {
    fn target(&self) -> String {
        match (self.world.is_postgres(), self.more) {
            (true, "") => self.world.path("restored").display().to_string(),
            (true, _) => "restored".to_owned(),
            (false, _) => self.world.path("restored.db").display().to_string(),
        }
    }

    /// Whether anything was restored.
    fn restored(&self) -> bool {
        let database = "SELECT count(*) FROM pg_database WHERE datname = 'restored'";
        let is_there = |postgres: &TempPostgres| postgres.execute("postgres", database).contains('1');
        self.world.path("restored").exists()
            || self.world.path("restored.db").exists()
            || self.world.postgres.as_ref().is_some_and(is_there)
    }

    /// Every command that uses a backup refuses it, and says which file is why.
    fn refuses(&self, id: &str, what: &str, files: &[&str]) {
        for words in [
            format!("backup verify {id}"),
            format!("restore run {id} --target {} --yes", self.target()),
            format!("drill restore {id}"),
        ] {
            let ended = run(&mut self.world.command(&words));
            assert!(matches!(ended.code, Some(3 | 6)), "{what}: {words}: {ended:?}");
            let named = files.iter().any(|file| ended.stderr.contains(file));
            assert!(named, "{what}: {words}: {}", ended.stderr);
        }
    }

    /// Damages each file of a backup in each way; swaps files within it, and with those of another one.
    fn damaged(&self) {
        let Self { world, more } = self;
        world.server.enqueue(&[]);
        let other = contents(&world.backups().join(world.backup(more)));
        world.server.enqueue(&[]);
        let id = world.backup(more);
        let sound = contents(&world.backups().join(&id));
        let live = world.json("queue get q");
        let names: Vec<(&PathBuf, &str)> = sound.keys().map(|path| (path, name(path))).collect();
        assert!(names.len() >= 3);
        let repair = |path: &PathBuf| fs::write(path, &sound[path]).expect("repaired");
        for (path, name) in &names {
            // Damage to the checksums of a file may be said of either.
            let blamed = if *name == "SHA256SUMS" { "manifest.json" } else { *name };
            for (what, damage) in DAMAGES {
                damage(path);
                self.refuses(&id, &format!("{name} {what}"), &[*name, blamed]);
                repair(path);
            }
            let others = other.iter().find(|(path, _)| path.ends_with(name)).expect("it has the same files");
            // What is the same in both can be swapped.
            if others.1 != &sound[*path] {
                fs::write(path, others.1).expect("swapped");
                self.refuses(
                    &id,
                    &format!("{name} of another backup"),
                    &[*name, "SHA256SUMS", "manifest.json"],
                );
                repair(path);
            }
        }
        for pair in names.windows(2) {
            let [(first, one), (second, other)] = pair else { continue };
            fs::write(first, &sound[*second]).expect("swapped");
            fs::write(second, &sound[*first]).expect("swapped");
            self.refuses(&id, &format!("{one} and {other} swapped"), &[one, other]);
            [first, second].into_iter().for_each(|path| repair(path));
        }
        assert!(!self.restored());
        world.cli(&format!("backup verify {id}"), 0);
        assert_eq!(world.json("queue get q")["depth"], live["depth"], "the live data is as it was");
    }
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a name")
}

#[test]
fn each_file_in_each_way_sqlite() {
    Kind { world: World::sqlite(), more: "" }.damaged();
}

#[test]
fn each_file_in_each_way_postgres_base() {
    Kind { world: World::postgres(), more: "" }.damaged();
}

#[test]
fn each_file_in_each_way_postgres_dump() {
    Kind { world: World::postgres(), more: "--format dump" }.damaged();
}

#[test]
fn a_damaged_manifest_is_listed_and_is_still_the_latest() {
    let world = World::sqlite();
    let first = world.backup("");
    let second = world.backup("");
    fs::write(world.backups().join(&second).join("manifest.json"), b"{").expect("damaged");
    let listed = world.cli("backup list", 0).stdout;
    assert!(listed.contains("DAMAGED: manifest.json") && listed.contains("complete"), "{listed}");
    let ended = world.cli("backup verify --latest", 3);
    assert!(ended.stderr.contains(&second), "an older one is something else: {}", ended.stderr);
    world.cli(&format!("backup verify {first}"), 0);
    assert!(world.cli("backup check", 3).stdout.contains("damaged"));
}

#[test]
fn a_copy_that_is_not_what_the_manifest_says_is_refused() {
    let world = World::sqlite();
    world.server.enqueue(&[]);
    let id = world.backup("");
    let dir = world.backups().join(&id);
    // The checksums are right: the database itself is another one.
    let database = dir.join("taskward.db");
    rusqlite::Connection::open(&database)
        .and_then(|connection| connection.execute_batch("DELETE FROM tasks"))
        .expect("deleted");
    let program =
        "import hashlib, json; m = json.load(open('manifest.json')); d = open('taskward.db', 'rb').read()
m['files'][0].update(bytes=len(d), sha256=hashlib.sha256(d).hexdigest()); t = json.dumps(m)
open('manifest.json', 'w').write(t); h = lambda b: hashlib.sha256(b).hexdigest()
open('SHA256SUMS', 'w').write(h(d) + '  taskward.db\\n' + h(t.encode()) + '  manifest.json\\n')";
    let forged = std::process::Command::new("python3").args(["-c", program]).current_dir(&dir).status();
    assert!(forged.expect("python3").success());
    world.cli(&format!("backup verify {id}"), 0);
    let target = world.path("restored.db");
    for words in
        [format!("restore run {id} --target {} --yes", target.display()), format!("drill restore {id}")]
    {
        let ended = world.cli(&words, 3);
        assert!(
            ended.stderr.contains("[rows_differ]") && ended.stderr.contains("tasks has 0, not 1"),
            "{ended:?}"
        );
    }
    assert!(!target.exists());
}

/// What nobody but an operator's own SQL, or an error of ours, brings about: rows and counts are those of the manifest.
fn plant_violation(world: &World) {
    match &world.postgres {
        Some(postgres) => {
            postgres.execute("test_0", "INSERT INTO queue_counts (queue, created) VALUES ('q', 1)");
        }
        None => {
            let sql = "UPDATE queue_counts SET count = count + 1 WHERE queue = 'q' AND state = 'created'";
            let connection = rusqlite::Connection::open(world.path("data/taskward.db")).expect("opened");
            assert_eq!(connection.execute(sql, []).expect("planted"), 1);
        }
    }
}

#[track_caller]
fn refused_unless_accepted(kind: &Kind) {
    let Kind { world, more } = kind;
    world.server.enqueue(&[]);
    plant_violation(world);
    let id = world.backup(more);
    let restore = format!("restore run {id} --target {} --yes", kind.target());
    for words in [restore.clone(), format!("drill restore {id}")] {
        let ended = world.cli(&words, 3);
        let says = "counts_balance: queue q: 2 created, but 1 unfinished or finished";
        assert!(
            ended.stderr.contains("[restored_violations]") && ended.stderr.contains(says),
            "{words}: {ended:?}"
        );
        assert!(!kind.restored());
    }
    assert!(world.json("drill history")["drills"][0]["error"].as_str().is_some());
    let accepted = world.json(&format!("{restore} --accept-violations"));
    assert!(kind.restored());
    let violations = accepted["violations"].as_array().expect("violations");
    assert!(
        violations.len() == 1 && violations[0].as_str().is_some_and(|one| one.starts_with("counts_balance")),
        "{accepted}"
    );
}

#[test]
fn what_does_not_hold_together_is_refused_unless_accepted_sqlite() {
    refused_unless_accepted(&Kind { world: World::sqlite(), more: "" });
}

#[test]
fn what_does_not_hold_together_is_refused_unless_accepted_postgres_base() {
    refused_unless_accepted(&Kind { world: World::postgres(), more: "" });
}

#[test]
fn what_does_not_hold_together_is_refused_unless_accepted_postgres_dump() {
    refused_unless_accepted(&Kind { world: World::postgres(), more: "--format dump" });
}
