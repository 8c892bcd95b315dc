//! PostgreSQL, brought back to a moment: the state is that of the moment, task by task.

use serde_json::json;

use super::log_world;
use crate::support::until;

/// Moments that are restored to.
const INSTANTS: usize = 20;

#[test]
fn the_state_of_a_moment_is_restored_while_the_log_streams() {
    let mut rng = log_world::seed("pitr_postgres_stream");
    let mut world = log_world::streaming(&[]);
    let id = world.backup("");
    let created = log_world::create_while(&world, || {
        // A second backup on the way: the later moments begin with that one.
        until("a third of the tasks", || log_world::archived(&world) >= 4);
        world.backup("");
        until("all segments", || log_world::archived(&world) >= 8);
    });
    log_world::until_all_is_archived(&world);
    let points = world.json("restore list-points");
    let window = &points["windows"][0];
    let (from, to) = (log_world::time(&window["from"]), log_world::time(&window["to"]));
    assert_eq!(window["bases"].as_array().map(Vec::len), Some(2), "{points}");
    assert_eq!(
        (&window["bases"][0]["backup"], points["gaps"].as_array().map(Vec::len)),
        (&json!(id), Some(0))
    );
    // Not any moment: before the first commit of the log, the last one is in the backup itself.
    let preview = world.json(&format!("restore pitr --to {to} --preview"));
    let point = &preview["plan"]["point"];
    assert!(point["commit_at"].is_string() && point["lost"]["created"].is_u64(), "{preview}");
    // The service goes on meanwhile, and so does its stream: what is restored is elsewhere.
    let mut checked = Vec::new();
    for _ in 0..INSTANTS {
        let moment = log_world::between(from, to, &mut rng);
        checked.push(log_world::restored_to(&world, moment, &created));
    }
    log_world::print("stream", &checked, &created);
    world.server.stop();
}

#[test]
fn the_state_of_a_moment_is_restored_by_archive_command_while_the_service_is_down() {
    let mut rng = log_world::seed("pitr_postgres_command");
    let (mut world, _room) = log_world::handing_over();
    world.backup("");
    let created = log_world::create_while(&world, || {
        let before = log_world::archived(&world);
        until("some segments", || log_world::archived(&world) >= before + 4);
    });
    // The rest is archived by PostgreSQL alone.
    world.server.stop();
    let postgres = world.postgres.as_ref().expect("a server");
    let last = postgres.execute("postgres", "SELECT pg_walfile_name(pg_switch_wal())");
    let last = world.backups().join(format!("wal/postgres/{}.gz", last.trim()));
    until("the last segment is archived", || last.exists());
    let points = world.json("restore list-points");
    let window = &points["windows"][0];
    let (from, to) = (log_world::time(&window["from"]), log_world::time(&window["to"]));
    let end = created.iter().map(|task| task.acknowledged).max().expect("tasks");
    let behind = end.duration_since(to);
    assert!(behind < jiff::SignedDuration::from_secs(1), "the window ends {behind} before the last task");
    let moments = [from, to].into_iter().chain((0..3).map(|_| log_world::between(from, to, &mut rng)));
    let checked: Vec<_> = moments.map(|moment| log_world::restored_to(&world, moment, &created)).collect();
    log_world::print("command", &checked, &created);
    world.cli("drill restore --latest", 0);
    let checked = world.cli("backup check", 0).stdout;
    for id in ["log_archived", "log_command", "log_held"] {
        assert!(checked.contains(id), "{checked}");
    }
}

#[test]
fn a_service_that_is_stopped_leaves_a_log_that_reaches_to_its_last_commit() {
    let mut world = log_world::streaming(&[]);
    world.backup("");
    log_world::until_all_is_archived(&world);
    let last = log_world::create(&world).expect("acknowledged");
    world.server.stop();
    let to = log_world::time(&world.json("restore list-points")["windows"][0]["to"]);
    assert!(to >= last.acknowledged, "{last:?} is beyond {to}");
}

#[test]
fn at_most_a_second_is_lost_when_everything_is_killed_at_once() {
    let mut world = log_world::streaming(&[]);
    world.backup("");
    log_world::until_all_is_archived(&world);
    let mut lost = Vec::new();
    for _ in 0..3 {
        let created = log_world::create_while(&world, || {
            let before = log_world::archived(&world);
            until("some segments", || log_world::archived(&world) >= before + 2);
        });
        let killed = log_world::now();
        world.server.crash();
        world.postgres.as_mut().expect("a server").kill9();
        let points = world.json("restore list-points");
        let end = log_world::time(&points["windows"][0]["to"]);
        lost.push(killed.duration_since(end));
        let found = log_world::found_at(&world, end);
        let missing = created.iter().filter(|task| task.acknowledged <= end && !found.contains(&task.id));
        assert_eq!(missing.count(), 0, "everything until the end of the log is there");
        world.start();
        log_world::until_all_is_archived(&world);
        assert_eq!(world.json("restore list-points")["gaps"], json!([]), "the log goes on without a gap");
    }
    println!("RPO: the log ended {lost:?} before everything was killed");
    assert!(lost.iter().all(|lost| *lost <= jiff::SignedDuration::from_secs(1)), "{lost:?}");
}
