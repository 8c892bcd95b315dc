//! Restores: what comes back, what is kept, and who is fenced.

use serde_json::json;

use super::world::{World, both};

#[test]
fn workers_from_before_are_fenced_and_the_report_names_their_tasks() {
    both(|mut world| {
        let first = world.server.enqueue(&[]);
        let second = world.server.enqueue(&[]);
        let (held, old) = world.claim();
        assert_eq!(held, first);
        let id = world.backup("");
        let (also, lost) = world.claim();
        assert_eq!((also.as_str(), world.complete(&also, &lost)), (second.as_str(), 200));
        let third = world.server.enqueue(&[]);
        let target = world.target();
        let preview = format!("restore run {id} {target} --preview");
        let while_it_runs = world.json(&preview);
        assert!(while_it_runs["plan"]["in_use"].is_string(), "{while_it_runs}");
        if world.is_postgres() {
            let anywhere = world.json(&format!("restore run {id} --preview"));
            assert!(anywhere["plan"]["target"].is_null(), "{anywhere}");
            world.cli(&format!("restore run {id} --yes"), 5);
        }
        world.cli(&format!("restore run {id} {target} --yes"), 7);
        world.stop();
        let preview = world.json(&preview);
        assert!(preview["plan"]["in_use"].is_null(), "{preview}");
        assert_eq!(preview["dry_run"], true);
        assert!(preview["plan"]["kept"].is_string(), "{preview}");
        assert!(world.cli(&format!("restore run {id} {target}"), 9).stderr.contains("[not_confirmed]"));
        let restored = world.json(&format!("restore run {id} {target} --yes"));
        let kept = restored["kept"].as_str().expect("a path").to_owned();
        let kept = std::path::Path::new(&kept);
        assert!(kept.exists());
        assert!(!kept.join("postmaster.pid").exists(), "a server that was started to read it has stopped");
        assert_eq!(restored["interrupted"][0]["id"], json!(first));
        let report = world.json("restore report");
        assert_eq!(
            (&report["again"][0]["id"], &report["again"][0]["state"]),
            (&json!(second), &json!("completed"))
        );
        assert_eq!((&report["lost"], report["again"].as_array().map(Vec::len)), (&json!(1), Some(1)));
        world.start();
        world.cli(&format!("task get {third}"), 6);
        assert_eq!(world.complete(&first, &old), 409, "the lease of the restored point");
        let beat = world.post(&format!("/api/v1/tasks/{second}/heartbeat"), &json!({"lease_token": lost}));
        assert_eq!((beat.0, &beat.1["code"]), (409, &json!("lease_lost")));
        for _ in 0..2 {
            let (again, token) = world.claim();
            for stale in [&old, &lost, &"1".to_owned(), &"2".to_owned()] {
                assert_eq!(world.complete(&again, stale), 409, "a lease of the lost time");
            }
            assert_eq!(world.complete(&again, &token), 200);
        }
        // Restored once more, the same backup begins another epoch.
        world.stop();
        let twice = world.json(&format!("restore run {id} {target} --yes"));
        assert!(twice["epoch"].as_u64() > restored["epoch"].as_u64());
        world.start();
        assert_eq!(world.json("queue list")["queues"].as_array().map(Vec::len), Some(1), "no queue but q");
    });
}

#[test]
fn to_a_new_place_nothing_is_replaced() {
    let world = World::sqlite();
    world.server.enqueue(&[]);
    let id = world.backup("");
    let target = world.path("other.db");
    let words = format!("restore run {id} --target {} --yes", target.display());
    let restored = world.json(&words);
    assert!(restored["kept"].is_null() && target.is_file());
    assert!(world.cli(&words, 5).stderr.contains("[target_refused]"));
    let left: Vec<_> = std::fs::read_dir(world.directory.path())
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter(|name| name.starts_with("other.db"))
        .collect();
    assert_eq!(left, ["other.db"], "nothing is left beside it");
}

#[test]
fn a_cluster_that_does_not_start_any_more_is_replaced_and_the_report_is_incomplete() {
    let mut world = World::postgres();
    let running = world.server.enqueue(&[]);
    world.claim();
    let id = world.backup("");
    let later = world.server.enqueue(&[]);
    world.stop();
    let data = world.postgres.as_ref().expect("a server").data_directory();
    std::fs::remove_file(data.join("global/pg_control")).expect("removed");
    let restored = world.json(&format!("restore run {id} {} --yes", world.target()));
    assert_eq!((&restored["compared"], &restored["lost"]), (&json!(false), &json!(0)));
    let report = world.cli("restore report", 4);
    assert!(report.stdout.contains(&running) && report.stderr.contains("[report_incomplete]"), "{report:?}");
    world.start();
    world.cli(&format!("task get {running}"), 0);
    world.cli(&format!("task get {later}"), 6);
}

#[test]
fn a_dump_becomes_a_database_beside_the_live_one() {
    let world = World::postgres();
    let first = world.server.enqueue(&[]);
    let id = world.backup("--format dump");
    let second = world.server.enqueue(&[]);
    let restored = world.json(&format!("restore run {id} --target restored --yes"));
    assert_eq!((&restored["lost"], &restored["compared"]), (&json!(1), &json!(true)));
    let words = format!("restore run {id} --target restored --yes");
    assert!(world.cli(&words, 5).stderr.contains("[target_refused]"));
    let postgres = world.postgres.as_ref().expect("a server");
    let ids = postgres.execute("restored", "SELECT id FROM tasks");
    assert_eq!(ids.trim(), first);
    world.cli(&format!("task get {second}"), 0);
    assert_eq!(world.cli("restore report", 0).stdout.lines().count(), 2);
}
