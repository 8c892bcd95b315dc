//! Tasks that wait, die, or lose their workers.

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
fn workers_that_vanish() {
    let directory = tempfile::tempdir().expect("a directory");
    let world = World::start(&format!("sqlite:{}", directory.path().join("taskward.db").display()));
    world.vanish_with(1);
    until("the counter", || !world.query("taskward_leases_rescued_total{reason=\"expired\"}").is_empty());
    world.vanish_with(4);
    world.until_told("LeaseRescues", true);
    world.until_told("LeaseRescues", false);
}
