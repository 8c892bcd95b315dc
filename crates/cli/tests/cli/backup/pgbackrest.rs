//! pgBackRest as the engine: Debian's own, on a cluster and a repository of the test's.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use taskward_testkit::postgres::TempPostgres;
use tempfile::TempDir;

use super::progress::{assert_measured, on_a_terminal};
use super::world::{World, contents};
use crate::support::run;

/// A service on a cluster that archives its log, and a repository.
struct Repository {
    world: World,
    directory: TempDir,
}

impl Repository {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        let config = directory.path().join("pgbackrest.conf").display().to_string();
        let archive = format!("pgbackrest --config={config} --stanza=main archive-push %p");
        let settings = [("archive_mode", "on"), ("archive_command", &archive), ("fsync", "off")];
        let postgres = TempPostgres::start_with(&settings);
        let data = postgres.data_directory();
        // pgBackRest runs as the server's user.
        let owner = fs::metadata(&data).expect("the data directory");
        let mut text = String::from("[global]\nstart-fast=y\nrepo1-retention-full=2\n");
        for (option, name) in
            [("repo1-path", "repo"), ("log-path", "log"), ("lock-path", "lock"), ("spool-path", "spool")]
        {
            let path = directory.path().join(name);
            fs::create_dir(&path).expect("a directory");
            chown(&path, Some(owner.uid()), Some(owner.gid())).expect("given to the server's user");
            text.push_str(&format!("{option}={}\n", path.display()));
        }
        let socket = data.parent().expect("a directory").display();
        text.push_str(&format!(
            "[main]\npg1-path={}\npg1-socket-path={socket}\npg1-port={}\npg1-user=taskward\n",
            data.display(),
            postgres.port()
        ));
        fs::write(&config, text).expect("written");
        let variables = [
            ("PGBACKREST_CONFIG", config.as_str()),
            ("TASKWARD__BACKUP__ENGINE", "pgbackrest"),
            ("TASKWARD__BACKUP__PGBACKREST_STANZA", "main"),
        ];
        let repository = Self { world: World::with(Some(postgres), &variables), directory };
        let refused = repository.world.cli("backup create", 5);
        assert!(refused.stderr.contains("[pgbackrest_stanza]"), "{refused:?}");
        assert!(refused.stderr.contains("pgbackrest --stanza=main stanza-create"), "{refused:?}");
        repository.pgbackrest(&["stanza-create"]);
        repository
    }

    /// Runs pgBackRest itself.
    fn pgbackrest(&self, words: &[&str]) {
        let owner = fs::metadata(self.directory.path().join("repo")).expect("the repository");
        let mut command = Command::new("setpriv");
        if owner.uid() != fs::metadata("/proc/self").expect("this process").uid() {
            command.args([format!("--reuid={}", owner.uid()), format!("--regid={}", owner.gid())]);
            command.arg("--clear-groups");
        }
        command.args(["--", "pgbackrest", "--stanza=main"]).args(words).current_dir("/");
        run(command.env("PGBACKREST_CONFIG", self.directory.path().join("pgbackrest.conf"))).exits(0);
    }

    /// Files of the repository whose path has this in it, the largest first.
    fn files(&self, part: &str) -> Vec<PathBuf> {
        let mut found: Vec<(usize, PathBuf)> = contents(&self.directory.path().join("repo"))
            .into_iter()
            .filter(|(path, _)| path.to_string_lossy().contains(part))
            .map(|(path, bytes)| (bytes.len(), path))
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, path)| path).collect()
    }
}

#[test]
fn it_copies_verifies_restores_and_keeps_as_it_wants() {
    let mut repository = Repository::start();
    repository.world.server.enqueue(&[]);
    let first = repository.world.backup("--label first");
    let world = &repository.world;
    let manifest = world.json(&format!("backup show {first}"));
    let label = manifest["in_repository"]["label"].as_str().expect("a label").to_owned();
    assert!(label.ends_with('F'), "{label}");
    assert_eq!(
        (&manifest["engine"], &manifest["in_repository"]["stanza"]),
        (&json!("pgbackrest"), &json!("main"))
    );
    assert!(manifest["position"]["start"].is_string(), "{manifest}");
    assert_eq!(manifest["rows"]["last"]["tables"]["tasks"], 1);
    world.cli(&format!("backup verify {first}"), 0);
    assert_eq!(world.json(&format!("drill restore {first}"))["passed"], true);
    let checked = world.cli("backup check", 0).stdout;
    assert!(checked.contains("pgbackrest") && checked.contains(&label), "{checked}");

    // What it has expired is no backup any more, and its name goes with the next prune.
    let second = world.backup("");
    let manifest = world.json(&format!("backup show {second}"));
    let gone = manifest["in_repository"]["label"].as_str().expect("a label").to_owned();
    repository.pgbackrest(&["expire", &format!("--set={gone}")]);
    let refused = world.cli(&format!("backup verify {second}"), 6);
    assert!(refused.stderr.contains("pgBackRest does not have it any more"), "{refused:?}");
    let pruned = world.json("backup prune --yes");
    assert_eq!((&pruned["removed"][0]["id"], &pruned["kept"]), (&json!(second), &json!([first])));
    assert_eq!(pruned["last_good"], json!(first));

    // And back.
    world.server.enqueue(&[]);
    let target = world.target();
    repository.world.stop();
    repository.world.cli(&format!("restore run {first} {target} --preview"), 0);
    repository.world.cli(&format!("restore run {first} {target} --yes"), 0);
    repository.world.start();
    assert_eq!(repository.world.json("queue get q")["depth"]["available"], 1, "the second task came later");
    assert!(repository.world.server.work("true").stdout.starts_with("1 completed"));
}

#[test]
fn damage_in_its_repository_is_said_by_name_and_never_used() {
    let repository = Repository::start();
    let world = &repository.world;
    world.server.enqueue(&[]);
    let id = world.backup("");
    let base = repository.files("/pg_data/base/").remove(0);
    let log = repository.files("/0000000100000000/").remove(0);
    let start = world.json(&format!("backup show {id}"));
    assert!(start["position"].is_object());
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).expect("written");
    };
    let empty = |path: &Path| fs::write(path, b"").expect("written");
    let cut = |path: &Path| {
        let bytes = fs::read(path).expect("read");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
    };
    let remove = |path: &Path| fs::remove_file(path).expect("removed");
    let named = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let whole = |name: &str| repository.files(name);
    let label = start["in_repository"]["label"].as_str().expect("a label");
    let manifests = whole(&format!("{label}/backup.manifest"));
    let of_log: Vec<PathBuf> =
        whole("/archive/main/").into_iter().filter(|path| named(path).len() > 24).collect();
    type Damage<'a> = (&'a str, Vec<PathBuf>, &'a dyn Fn(&Path), String);
    let cases: [Damage<'_>; 8] = [
        ("flipped", vec![base.clone()], &flip, named(&base)),
        ("truncated", vec![base.clone()], &cut, named(&base)),
        ("empty", vec![base.clone()], &empty, named(&base)),
        ("missing", vec![base.clone()], &remove, named(&base)),
        ("manifest truncated", manifests.clone(), &cut, "backup.manifest".to_owned()),
        ("manifest missing", manifests, &remove, "backup.manifest".to_owned()),
        ("log missing", of_log, &remove, named(&log)[..8].to_owned()),
        ("info missing", whole("/backup.info"), &remove, String::new()),
    ];
    let restored = world.path("restored");
    for (what, paths, damage, file) in cases {
        let sound: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).expect("read")).collect();
        assert!(!paths.is_empty(), "{what}");
        paths.iter().for_each(|path| damage(path));
        for words in [
            format!("backup verify {id}"),
            format!("restore run {id} --target {} --yes", restored.display()),
            format!("drill restore {id}"),
        ] {
            let ended = run(&mut world.command(&words));
            assert!(matches!(ended.code, Some(3 | 6)), "{what}: {words}: {ended:?}");
            assert!(ended.stderr.contains(&file), "{what}: {words}: {file} is not in {}", ended.stderr);
        }
        assert!(!restored.exists(), "{what}");
        let owner = fs::metadata(repository.directory.path().join("repo")).expect("the repository");
        for (path, bytes) in paths.iter().zip(sound) {
            fs::write(path, bytes).expect("repaired");
            chown(path, Some(owner.uid()), Some(owner.gid())).expect("given back");
        }
    }
    world.cli(&format!("backup verify {id}"), 0);
    assert_eq!(world.json("queue get q")["depth"]["available"], 1, "the live data is as it was");
}

#[test]
fn without_the_program_or_a_name_nothing_is_done() {
    let world = World::postgres();
    let with = |variables: &[(&str, &str)], words: &str, code: i32, part: &str| {
        let mut command = world.command(words);
        let ended =
            run(command.env("TASKWARD__BACKUP__ENGINE", "pgbackrest").envs(variables.iter().copied()));
        let ended = ended.exits(code);
        assert!(ended.stderr.contains(part), "{words}: {part:?} is not in\n{}", ended.stderr);
    };
    let stanza = ("TASKWARD__BACKUP__PGBACKREST_STANZA", "main");
    with(&[stanza, ("PATH", "/nonexistent")], "backup create", 5, "apt-get install pgbackrest");
    with(&[stanza, ("PATH", "/nonexistent")], "backup create --dry-run", 5, "[program_missing]");
    with(&[], "backup create", 2, "pgBackRest wants a stanza");
    with(&[stanza, ("DATABASE_URL", "sqlite:t.db")], "backup create", 2, "pgBackRest does not copy SQLite");
    with(&[stanza, ("TASKWARD__BACKUP__ENGINE", "barman")], "backup create", 2, "pgbackrest");
    assert!(!world.backups().exists(), "nothing was written");
}

#[test]
fn it_says_how_far_it_is() {
    let repository = Repository::start();
    let drawn = on_a_terminal(&repository.world, "backup create");
    assert_measured(&drawn, "copying");
    let drawn = on_a_terminal(&repository.world, "drill restore --latest");
    assert_measured(&drawn, "unpacking");
}
