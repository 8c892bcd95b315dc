//! Drills: the way back, tried.

use serde_json::json;

use super::world::{World, both};
use crate::support::{run, until};

#[test]
fn every_kind_of_backup_can_be_brought_to_life() {
    both(|world| {
        for _ in 0..5 {
            // However long this takes, the attempt is not over.
            world.server.enqueue(&["--timeout", "1h"]);
        }
        world.claim();
        let id = world.backup("");
        let unknown = world.cli("backup check", 4);
        assert!(
            unknown.stdout.contains("last_drill") && unknown.stderr.contains("[backup_check]"),
            "{unknown:?}"
        );
        let drilled = world.json("drill restore --latest");
        assert_eq!((&drilled["backup"], &drilled["passed"]), (&json!(id), &json!(true)));
        assert!(drilled["recovery_ms"].as_u64() >= drilled["verify_ms"].as_u64());
        world.cli("backup check", 0);
        if world.is_postgres() {
            let dump = world.backup("--format dump");
            assert_eq!(world.json(&format!("drill restore {dump}"))["passed"], true);
        }
        let history = world.json("drill history");
        let expected = if world.is_postgres() { 2 } else { 1 };
        assert_eq!(history["drills"].as_array().map(Vec::len), Some(expected));
        assert_eq!(world.json("queue get q")["depth"]["running"], 1, "the live data is as it was");
        let scratch = std::fs::read_dir(std::env::temp_dir()).expect("a directory");
        let own = format!("taskward-drill-{}-", std::process::id());
        assert!(scratch.filter_map(Result::ok).all(|it| !it.file_name().to_string_lossy().starts_with(&own)));
    });
}

#[test]
fn missed_objectives_and_failures_are_recorded() {
    let world = World::sqlite();
    let id = world.backup("");
    let mut ended = None;
    until("the backup is older than a second", || {
        let mut command = world.command("drill restore --latest");
        let run = run(command.env("TASKWARD__BACKUP__RPO", "1s"));
        let missed = run.code == Some(10);
        ended = Some(run);
        missed
    });
    let ended = ended.expect("a run");
    assert!(
        ended.stderr.contains("[objective_missed]") && ended.stderr.contains("backup.rpo is 1s"),
        "{ended:?}"
    );
    let last = world.json("drill history")["drills"][0].take();
    assert_eq!((&last["passed"], &last["error"]), (&json!(false), &json!(null)));

    std::fs::remove_file(world.backups().join(&id).join("taskward.db")).expect("removed");
    world.cli("drill restore --latest", 6);
    let history = world.cli("drill history", 0).stdout;
    assert!(history.contains("FAIL") && history.contains("taskward.db is missing"), "{history}");
    assert!(world.cli("backup check", 3).stdout.contains("last_drill"));
}
