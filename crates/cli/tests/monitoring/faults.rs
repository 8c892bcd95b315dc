//! Faults, seen by the service itself and by a real Prometheus, and told to a real Alertmanager by both.

use serde_json::json;
use taskward_core::alert::{Thresholds, number, rules};
use taskward_testkit::postgres::TempPostgres;

use crate::program::get;
use crate::support::{run, until};
use crate::world::World;

#[test]
fn tasks_that_wait_and_tasks_that_die() {
    let directory = tempfile::tempdir().expect("a directory");
    let world = World::start(&format!("sqlite:{}", directory.path().join("taskward.db").display()));
    let server = &world.server;
    // A counter that appears with its first value has not grown, says Prometheus.
    let die = |count: usize| {
        for _ in 0..count {
            server.enqueue(&["--max-attempts", "1"]);
        }
        server.work("exit 65");
    };
    die(1);
    until("the counter", || !world.query("taskward_tasks_finished_total{state=\"dead\"}").is_empty());
    die(5);
    world.until_told("DeadTasks", true);
    server.cli(["enqueue", "k", "--queue", "alone"]).exits(0);
    world.until_told("NoWorkers", true);
    world.until_told("QueueStuck", true);
    // What the service says of them itself.
    let listed = server.cli(["alerts", "list"]).exits(0).stdout;
    assert!(listed.contains("queue=alone") && listed.contains("1. taskward queue list"), "{listed}");

    let words = ["worker", "--queue", "alone", "--until-empty", "--", "true"];
    run(&mut server.command(words)).exits(0);
    world.until_told("NoWorkers", false);
    world.until_told("QueueStuck", false);
    world.until_told("DeadTasks", false);
}

#[test]
fn a_database_that_goes_away_and_comes_back() {
    let mut database = TempPostgres::start_without_fsync();
    let url = database.create_database();
    let world = World::start(&url);
    let server = &world.server;
    let mode = || get(&format!("{}/health", server.url()), &[])["mode"].clone();
    database.stop_immediate();
    world.until_told("DatabaseDown", true);
    until("read-only", || mode() == "read_only");
    let refused = server.cli(["enqueue", "k", "-o", "json"]);
    assert_eq!((refused.code, &refused.json()["error"]["code"]), (Some(8), &json!("read_only")));
    database.restart();
    world.until_told("DatabaseDown", false);
    until("normal", || mode() == "normal");
    server.enqueue(&[]);
}

/// An expression on a metric that does not exist is no error, and no alert ever.
#[test]
fn every_rule_measures_something() {
    let directory = tempfile::tempdir().expect("a directory");
    let world = World::start(&format!("sqlite:{}", directory.path().join("taskward.db").display()));
    let server = &world.server;
    world.make_everything_happen();
    let mut conditions = Vec::new();
    for rule in rules(&Thresholds::default()) {
        let measures = [rule.when.measure].into_iter().chain(rule.and.iter().map(|guard| guard.measure));
        conditions.extend(measures.map(|measure| (rule.name, number(&rule, &measure))));
    }
    // Requests that fail need a fault; that they are counted is what the other tests show. A service of dev has no key,
    // and no backup.
    conditions.retain(|(_, expression)| {
        !["5.*", "key_age", "backup_last"].iter().any(|part| expression.contains(part))
    });
    assert!(conditions.len() > 10);
    for (rule, expression) in conditions {
        until(&format!("{rule}: {expression}"), || {
            server.cli(["queue", "list"]).exits(0);
            !world.query(&expression).is_empty()
        });
    }
}
