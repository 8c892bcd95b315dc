//! The backup that is made before a schema is changed.

use serde_json::json;

use super::world::{World, both};
use crate::support::run;

fn version(world: &World) -> u64 {
    world.json("migrate status")["current"].as_u64().expect("a version")
}

fn backups(world: &World) -> usize {
    world.json("backup list")["backups"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_verified_one_is_made_before_each_change_and_can_be_restored() {
    both(|mut world| {
        world.server.enqueue(&[]);
        world.server.stop();
        let latest = version(&world);
        assert_eq!(
            (world.json("migrate up")["backup"].clone(), backups(&world)),
            (json!(null), 0),
            "no change"
        );
        let dry = world.json("migrate down --to 1 --dry-run");
        assert!(dry["would_back_up"]["data_bytes"].is_u64(), "{dry}");
        assert_eq!((backups(&world), version(&world)), (0, latest), "a dry run does nothing");

        let down = world.cli("migrate down --to 1 --yes", 0).stdout;
        assert!(down.contains("backup   20") && down.contains(", verified"), "{down}");
        assert_eq!((backups(&world), version(&world)), (1, 1));
        let up = world.json("migrate up");
        let id = up["backup"]["id"].as_str().expect("an id").to_owned();
        assert_eq!((backups(&world), version(&world)), (2, latest));
        let manifest = world.json(&format!("backup show {id}"));
        let label = format!("before the schema goes from version 1 to {latest}");
        assert_eq!((&manifest["schema"], &manifest["label"]), (&json!(1), &json!(label)));
        assert_eq!(world.json(&format!("drill restore {id}"))["passed"], true);
    });
}

#[test]
fn without_one_nothing_is_changed_unless_that_is_wanted() {
    both(|mut world| {
        world.server.stop();
        let latest = version(&world);
        let unusable = |words: &str, code: i32| {
            let mut command = world.command(words);
            run(command.env("TASKWARD__BACKUP__DIR", "/proc/taskward")).exits(code)
        };
        for words in ["migrate down --to 1 --yes", "migrate down --to 1 --dry-run"] {
            let refused = unusable(words, 5);
            assert!(refused.stderr.contains("[backup_destination]"), "{refused:?}");
            assert!(
                refused.stderr.contains("--no-backup --yes") && refused.stderr.contains("next:"),
                "{refused:?}"
            );
            assert_eq!(unusable(&format!("{words} -o json"), 5).json()["error"]["exit_code"], 5);
            assert_eq!(version(&world), latest, "nothing was changed");
        }
        unusable("migrate down --to 1 --no-backup", 9);
        assert_eq!(version(&world), latest, "nothing was changed");
        unusable("migrate down --to 1 --no-backup --yes", 0);
        assert!(unusable("migrate up --no-backup", 9).stderr.contains("[not_confirmed]"));
        unusable("migrate up", 5);
        assert_eq!(version(&world), 1, "nothing was changed");
        assert_eq!(unusable("migrate up --no-backup --yes -o json", 0).json()["backup"], json!(null));
        assert_eq!((version(&world), backups(&world)), (latest, 0));
    });
}

#[test]
fn a_service_does_by_itself_what_only_adds() {
    both(|mut world| {
        let id = world.server.enqueue(&[]);
        world.server.stop();
        let latest = version(&world);
        let plan = world.cli("migrate down --to 1 --yes", 0).stdout;
        assert!(plan.contains(&format!("{latest} → 1")), "{plan}");
        let plan = world.cli("migrate plan", 0).stdout;
        assert!(plan.contains("it only adds, and what runs goes on"), "{plan}");
        world.server.restart();
        assert_eq!((version(&world), backups(&world)), (latest, 1), "only the one of the way down");
        assert_eq!(world.server.task(&id)["state"], "available");
    });
}

#[test]
fn an_empty_database_has_nothing_to_back_up() {
    let world = World::sqlite();
    let path = world.path("data/new.db");
    let mut command = world.command("migrate up -o json");
    let up = run(command.env("DATABASE_URL", format!("sqlite:{}", path.display()))).exits(0).json();
    assert_eq!((&up["from"], &up["backup"]), (&json!(0), &json!(null)));
    assert!(!world.backups().exists());
}
