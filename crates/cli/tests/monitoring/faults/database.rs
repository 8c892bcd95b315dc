//! A database that is away, and one that is slow.

use std::thread;

use serde_json::json;
use taskward_testkit::postgres::TempPostgres;

use crate::program::{ask, get};
use crate::support::until;
use crate::world::World;

/// Good requests, beside which thirty failed ones are less than any budget allows for.
const MANY: usize = 8_000;

#[test]
fn a_database_that_goes_away_and_comes_back() {
    let mut database = TempPostgres::start_without_fsync();
    let url = database.create_database();
    let world = World::start(&url);
    let server = &world.server;
    let mode = || get(&format!("{}/health", server.url()), &[])["mode"].clone();
    let (good, failing) = (format!("{}/api/test", server.url()), format!("{}/api/v1/tasks", server.url()));
    ask(&good, 1, 1);
    database.stop_immediate();
    world.until_told("DatabaseDown", true);
    until("read-only", || mode() == "read_only");
    let refused = server.cli(["enqueue", "k", "-o", "json"]);
    assert_eq!((refused.code, &refused.json()["error"]["code"]), (Some(8), &json!("read_only")));
    // A counter that appears with its first value has not grown, says Prometheus.
    ask(&failing, 1, 1);
    let failed = "taskward_http_request_duration_seconds_count{status=~\"5..\", route=\"/api/v1/tasks\", method=\"GET\"}";
    until("the counter", || !world.query(failed).is_empty());
    ask(&failing, 29, 1);
    for rule in ["ErrorRate", "ErrorBudgetBurn", "ErrorBudgetBurnSlow"] {
        world.until_told(rule, true);
    }
    database.restart();
    world.until_told("DatabaseDown", false);
    until("normal", || mode() == "normal");
    server.enqueue(&[]);
    world.until_told("ErrorRate", false);
    ask(&good, MANY, 4);
    world.until_told("ErrorBudgetBurn", false);
    world.until_told("ErrorBudgetBurnSlow", false);
}

#[test]
fn a_database_that_is_slow() {
    let database = TempPostgres::start_without_fsync();
    let url = database.create_database();
    let world = World::start_with(&url, &[("TASKWARD__ALERTS__HIGH_LATENCY", "300ms")]);
    let tasks = format!("{}/api/v1/tasks", world.server.url());
    ask(&tasks, 1, 1);
    until("the counter", || !world.query("taskward_http_request_duration_seconds_count").is_empty());
    let name = url.rsplit('/').next().expect("a name");
    thread::scope(|scope| {
        // As a migration by hand would.
        let lock = "BEGIN; LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(3); COMMIT";
        scope.spawn(|| database.execute(name, lock));
        let held = "SELECT count(*) FROM pg_locks \
            WHERE relation = 'tasks'::regclass AND mode = 'AccessExclusiveLock' AND granted";
        until("the lock", || database.execute(name, held).trim() == "1");
        // Fewer than the pool has connections: the database is slow, not away.
        ask(&tasks, 6, 6);
    });
    world.until_told("HighLatency", true);
    world.until_told("HighLatency", false);
}
