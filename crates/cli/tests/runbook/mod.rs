//! The chapters of the runbook, run from top to bottom against a live service.

mod world;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use taskward_testkit::postgres::TempPostgres;
use taskward_testkit::runbook::Skip;

use world::World;

#[test]
fn monitoring() {
    let world = World::start();
    world.some_tasks();
    println!("{}", world.run("monitoring", &[], &[]));
}

#[test]
fn logs() {
    let world = World::start();
    world.some_tasks();
    let report = world.run(
        "logs",
        &[],
        &[
            Skip { command: "taskward log show --since 2h --until 1h", reason: "needs a log of an hour ago" },
            Skip { command: "taskward log tail --follow", reason: "it follows until somebody ends it" },
            Skip {
                command: "taskward log tail --file /var/log/app/example.log",
                reason: "needs the directory of an installed service",
            },
        ],
    );
    println!("{report}");
}

#[test]
fn rollback() {
    let world = World::start();
    world.some_tasks();
    let postgres = TempPostgres::start_without_fsync();
    let url = world.server.path("new-database.url");
    std::fs::write(&url, postgres.create_database()).expect("written");
    std::fs::set_permissions(&url, Permissions::from_mode(0o600)).expect("the mode is set");
    println!("{}", world.run("rollback", &[], &[]));
}

#[test]
fn read_only() {
    println!("{}", World::start().run("read-only", &[], &[]));
}

/// The sections of the chapter on backups that are for one of the databases only.
const OF_SQLITE: &[&str] = &["SQLite", "To a moment, on SQLite"];
const OF_POSTGRES: &[&str] =
    &["PostgreSQL, a whole cluster", "PostgreSQL, a dump", "To a moment, on PostgreSQL"];

#[test]
fn backup_on_sqlite() {
    let world = World::start();
    world.some_tasks();
    println!("{}", world.run("backup", OF_POSTGRES, &[]));
}

#[test]
fn backup_on_postgres() {
    let world = World::start_on_postgres();
    world.some_tasks();
    println!("{}", world.run("backup", OF_SQLITE, &[]));
}
