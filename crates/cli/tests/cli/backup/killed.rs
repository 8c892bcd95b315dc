//! A restore that is killed at each of its renames. What is found afterwards is what was there, or what was restored, as a
//! whole; or nothing, and then nobody begins an empty database, and what is left to do is said, and does it.
//!
//! Killed by strace, before the rename happens; a file system that cannot exchange names is one whose answer strace has made up.

#![expect(clippy::print_stderr, reason = "the counts are the proof, and belong in the output of the tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::world::World;
use crate::support::run;

/// A rename by whichever call the processor has, and an exchange. strace counts each call for itself.
const RENAME: &str = "?rename,?renameat";
const EXCHANGE: &str = "renameat2";
/// More than there are in a restore.
const KILLS_MAX: usize = 20;

/// What makes a swap one of several steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hindrance {
    None,
    /// What was there before has a log that is not in its file.
    Log,
    /// The file system exchanges no names.
    FileSystem,
}

#[test]
fn a_swap_of_files_is_done_or_not_sqlite() {
    let counts = killed(World::sqlite(), Hindrance::None);
    assert_eq!(counts.half, 0, "{counts:?}");
}

#[test]
fn a_swap_of_a_file_with_a_log_is_finished_by_what_is_said_sqlite() {
    let counts = killed(World::sqlite(), Hindrance::Log);
    assert!(counts.half > 0, "{counts:?}");
}

#[test]
fn a_swap_by_two_renames_is_finished_by_what_is_said_sqlite() {
    let counts = killed(World::sqlite(), Hindrance::FileSystem);
    assert!(counts.half > 0, "{counts:?}");
}

#[test]
fn a_swap_of_directories_is_done_or_not_postgres() {
    let counts = killed(World::postgres(), Hindrance::None);
    assert_eq!(counts.half, 0, "{counts:?}");
}

#[test]
fn a_swap_by_two_renames_is_finished_by_what_is_said_postgres() {
    let counts = killed(World::postgres(), Hindrance::FileSystem);
    assert!(counts.half > 0, "{counts:?}");
}

/// How often each was found after a restore was killed.
#[derive(Debug, Default)]
struct Counts {
    old: usize,
    new: usize,
    half: usize,
}

/// What a database holds.
#[derive(Debug, PartialEq, Eq)]
struct State {
    tasks: BTreeSet<String>,
    epochs: String,
}

/// Kills restores at each of their renames.
fn killed(world: World, hindrance: Hindrance) -> Counts {
    let mut restores = Restores::of(world, hindrance);
    let mut counts = Counts::default();
    let mut kills = restores.killed_at_each(RENAME, hindrance, &mut counts);
    if hindrance == Hindrance::None {
        kills += restores.killed_at_each(EXCHANGE, hindrance, &mut counts);
    }
    eprintln!("{hindrance:?}: killed at each of {kills} renames: {counts:?}");
    counts
}

struct Restores {
    world: World,
    target: PathBuf,
    /// How the target is when a restore begins.
    before: TempDir,
    old: State,
    new: State,
}

impl Restores {
    fn of(mut world: World, hindrance: Hindrance) -> Self {
        let first = world.server.enqueue(&[]);
        world.backup("");
        let second = world.server.enqueue(&[]);
        if hindrance == Hindrance::Log {
            world.server.crash();
        } else {
            world.stop();
        }
        let target = match &world.postgres {
            Some(postgres) => postgres.data_directory(),
            None => world.path("data/taskward.db"),
        };
        let state = |ids: &[&String], epochs: &str| State {
            tasks: ids.iter().map(|id| id.replace('-', "")).collect(),
            epochs: epochs.to_owned(),
        };
        let (old, new) = (state(&[&first, &second], "0"), state(&[&first], "1"));
        let before = tempfile::tempdir().expect("a directory");
        copy(&beside(&target), before.path());
        Self { world, target, before, old, new }
    }

    fn begin_anew(&self) {
        for path in beside(&self.target) {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.expect("removed");
        }
        let name = self.target.file_name().expect("a name");
        copy(&beside(&self.before.path().join(name)), self.target.parent().expect("a directory"));
    }

    /// Kills a restore at the first call of this kind, another one at its second, and so on until one is not killed; how
    /// many were.
    fn killed_at_each(&mut self, call: &str, hindrance: Hindrance, counts: &mut Counts) -> usize {
        for number in 1..KILLS_MAX {
            self.begin_anew();
            let ended = self.killed_at((call, number), hindrance);
            if ended == Some(0) {
                assert_eq!(self.state(), self.new);
                return number - 1;
            }
            if !self.target.exists() {
                counts.half += 1;
                self.is_said_and_finished();
            } else if self.state() == self.new {
                counts.new += 1;
            } else {
                assert_eq!(self.state(), self.old);
                counts.old += 1;
            }
        }
        panic!("there are not {KILLS_MAX} renames in a restore");
    }

    /// How the restore ended that was killed at its n-th rename, if it has one; `None` when it was.
    fn killed_at(&self, (call, number): (&str, usize), hindrance: Hindrance) -> Option<i32> {
        let restore = self.world.command(&format!("restore run --latest {} --yes", self.world.target()));
        let mut injections = vec![format!("inject={call}:signal=KILL:when={number}")];
        if hindrance == Hindrance::FileSystem {
            injections.push(format!("inject={EXCHANGE}:error=EINVAL"));
        }
        let mut command = Command::new("strace");
        // Of the programs that it starts, none is concerned.
        command.args(["-f", "--seccomp-bpf", "--detach-on=execve", "-qqq", "-o", "/dev/null"]);
        command.args(["-e", &format!("trace={RENAME},{EXCHANGE}")]);
        command.args(injections.iter().flat_map(|injection| ["-e", injection]));
        command.arg(restore.get_program()).args(restore.get_args());
        command.envs(restore.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ended = run(command.current_dir(self.world.server.path("")));
        assert!(matches!(ended.code, None | Some(0)), "{ended:?}");
        ended.code
    }

    /// What is at the target.
    fn state(&mut self) -> State {
        let tasks = "SELECT id FROM tasks UNION ALL SELECT id FROM history";
        let epochs = "SELECT count(*) FROM epochs";
        let Some(postgres) = &mut self.world.postgres else { return sqlite(&self.target) };
        postgres.restart();
        let ids = postgres.execute("test_0", tasks);
        let epochs = postgres.execute("test_0", epochs).trim().to_owned();
        postgres.stop_immediate();
        State { tasks: ids.lines().map(|id| id.replace('-', "")).collect(), epochs }
    }

    /// Nothing is at the target: nobody begins another database there, and what is said to be left to do finishes the swap.
    fn is_said_and_finished(&mut self) {
        let restore = format!("restore run --latest {} --yes", self.world.target());
        if self.world.is_postgres() {
            self.world.cli(&restore, 5);
        } else {
            let port = self.world.server.url().rsplit(':').next().expect("a port").to_owned();
            let serve = run(self.world.command("serve").env("TASKWARD__SERVER__PORT", port)).exits(5);
            assert!(serve.stderr.contains("[restore_interrupted]"), "{serve:?}");
            for words in [restore.as_str(), "db check", "backup create", "migrate up --yes"] {
                let refused = self.world.cli(words, 5);
                assert!(refused.stderr.contains("[restore_interrupted]"), "{refused:?}");
            }
            let check = self.world.cli("backup check", 3);
            assert!(check.stdout.contains("a restore was interrupted while it swapped"), "{check:?}");
        }
        assert!(!self.target.exists(), "nothing was created in its place");
        let said = run(&mut self.world.command(&format!("{restore} -o json"))).exits(5).json();
        let kept = said["error"]["why"]
            .as_str()
            .and_then(|why| why.split(&[' ', ';'][..]).find(|word| word.contains(".before-")));
        let kept = PathBuf::from(kept.expect("what is kept is named"));
        let next = said["error"]["next"].as_str().expect("a command");
        let mended = Command::new("sh").args(["-c", next]).current_dir(self.world.server.path("")).status();
        assert!(mended.expect("sh").success(), "{next}");
        assert_eq!(self.state(), self.new, "{next}");
        if !self.world.is_postgres() {
            assert_eq!(sqlite(&kept), self.old, "{next}");
        }
    }
}

/// What is named like a target, or like it and more.
fn beside(target: &Path) -> Vec<PathBuf> {
    let name = target.file_name().expect("a name").to_string_lossy();
    let entries = fs::read_dir(target.parent().expect("a directory")).expect("read");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(&*name))).collect()
}

fn copy(paths: &[PathBuf], to: &Path) {
    let copied = Command::new("cp").arg("-a").args(paths).arg(to).status();
    assert!(copied.expect("cp").success());
}

fn sqlite(path: &Path) -> State {
    let connection = rusqlite::Connection::open(path).expect("opened");
    let text = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).expect("SQL");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.map(|row| row.expect("a row")).collect()
    };
    let tasks = text("SELECT lower(hex(id)) FROM tasks UNION ALL SELECT lower(hex(id)) FROM history");
    let epochs = text("SELECT CAST(count(*) AS TEXT) FROM epochs").remove(0);
    State { tasks: tasks.into_iter().collect(), epochs }
}
