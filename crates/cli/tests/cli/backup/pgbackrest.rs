//! pgBackRest as the engine: Debian's own, on a cluster and a repository of the test's.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use serde_json::json;
use taskward_testkit::postgres;

use super::progress::{assert_measured, on_a_terminal};
use super::world::{World, contents};
use crate::support::run;

/// A service on a cluster that archives its log, and a repository.
struct Repository {
    world: World,
    own: postgres::Repository,
}

impl Repository {
    fn start() -> Self {
        Self::with(None)
    }

    /// Encrypted with a passphrase, where there is one.
    fn with(passphrase: Option<&str>) -> Self {
        let (own, postgres) = postgres::Repository::start(passphrase);
        let config = own.config();
        let variables = [
            ("PGBACKREST_CONFIG", config.to_str().expect("UTF-8")),
            ("TASKWARD__BACKUP__ENGINE", "pgbackrest"),
            ("TASKWARD__BACKUP__PGBACKREST_STANZA", "main"),
        ];
        let repository = Self { world: World::with(Some(postgres), &variables), own };
        let refused = repository.world.cli("backup create", 5);
        assert!(refused.stderr.contains("[pgbackrest_stanza]"), "{refused:?}");
        assert!(refused.stderr.contains("pgbackrest --stanza=main stanza-create"), "{refused:?}");
        repository.own.pgbackrest(&["stanza-create"]);
        repository
    }

    /// Files of the repository whose path has this in it, the largest first.
    fn files(&self, part: &str) -> Vec<PathBuf> {
        let mut found: Vec<(usize, PathBuf)> = contents(&self.own.path())
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
    repository.own.pgbackrest(&["expire", &format!("--set={gone}")]);
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
fn keys_of_an_encrypted_repository_are_not_copied() {
    let repository = Repository::with(Some("planted-cipher-passphrase"));
    let world = &repository.world;
    let id = world.backup("");
    let label = world.json(&format!("backup show {id}"))["in_repository"]["label"].clone();
    let manifest = format!("backup/main/{}/backup.manifest", label.as_str().expect("a label"));
    let original = repository.own.pgbackrest(&["repo-get", &manifest]);
    let key =
        original.lines().find_map(|line| line.strip_prefix("cipher-pass=")).expect("the key of the files");
    let copy = fs::read_to_string(world.backups().join(&id).join("backup.manifest")).expect("the copy");
    assert!(!copy.contains(key.trim_matches('"')), "{copy}");
    // What stands in its place says whether it is still the same.
    world.cli(&format!("backup verify {id}"), 0);
    assert_eq!(world.json(&format!("drill restore {id}"))["passed"], true);
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
        let owner = fs::metadata(repository.own.path()).expect("the repository");
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
