//! The chapters of the runbook, run from top to bottom against a live service.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use taskward_testkit::postgres::TempPostgres;
use taskward_testkit::runbook::{self, Report, Skip};

use crate::read;
use crate::support::Server;

/// A service, and a shell beside it as an operator has it: `taskward` in its `PATH`, the service's environment, and a
/// `systemctl` that knows the one unit.
struct World {
    server: Server,
}

/// Stands for systemd's. The service that `start` starts ends with the test, or after five minutes.
const SYSTEMCTL: &str = r#"#!/bin/sh
set -eu
pid=$(cat service.pid)
state() { cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null || echo Z; }
stop() { kill -TERM "$pid" 2>/dev/null || true; until [ "$(state)" = Z ]; do sleep 0.1; done; }
start() {
    timeout --signal=KILL 300 taskward serve >>serve.log 2>&1 &
    echo $! >service.pid
    taskward health ready --wait 30s >/dev/null
}
[ "$2" = app-example ]
case "$1" in
start | stop) "$1" ;;
restart) stop; start ;;
*) exit 2 ;;
esac
"#;

impl World {
    fn start() -> Self {
        let server = Server::start_with(&[
            ("TASKWARD__LOGGING__FILE", "example.log"),
            ("TASKWARD__SERVER__DRAIN_NOTICE", "0s"),
        ]);
        std::fs::create_dir(server.path("bin")).expect("a directory");
        runbook::script(&server.path("bin/systemctl"), SYSTEMCTL);
        std::fs::write(server.path("service.pid"), server.pid().to_string()).expect("written");
        Self { server }
    }

    /// Runs a chapter; the report lists what was not run.
    fn run(&self, chapter: &str, skips: &[Skip]) -> Report {
        let name = format!("docs/runbook/{chapter}.md");
        runbook::run(&name, &read(&name), skips, |shell| self.prepare(shell))
    }

    fn prepare(&self, shell: &mut Command) {
        let built = Path::new(env!("CARGO_BIN_EXE_taskward")).parent().expect("a directory").to_owned();
        let path = std::env::var_os("PATH").expect("PATH");
        let path = [self.server.path("bin"), built].into_iter().chain(std::env::split_paths(&path));
        let url = self.server.url();
        let port = url.rsplit(':').next().expect("a port");
        shell
            .env_clear()
            .env("PATH", std::env::join_paths(path).expect("a PATH"))
            .env("NO_COLOR", "1")
            .env("COLUMNS", "110")
            .env("TASKWARD_URL", &url)
            .env("DATABASE_URL", "sqlite:taskward.db")
            .env("TASKWARD__SERVER__PORT", port)
            .env("TASKWARD__SERVER__DRAIN_NOTICE", "0s")
            .env("TASKWARD__LOGGING__FILE", "example.log")
            .current_dir(self.server.path(""));
    }

    /// Something to look at: a task that was done, one that waits and one that is dead.
    fn some_tasks(&self) {
        self.server.enqueue(&[]);
        self.server.work("true");
        self.server.enqueue(&["--max-attempts", "1"]);
        self.server.work("exit 65");
        self.server.enqueue(&["--delay", "1h"]);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The service may be another one by now, or have ended.
        let pid = std::fs::read_to_string(self.server.path("service.pid")).unwrap_or_default();
        let _ = Command::new("kill").args(["-TERM", pid.trim()]).status();
    }
}

#[test]
fn monitoring() {
    let world = World::start();
    world.some_tasks();
    println!("{}", world.run("monitoring", &[]));
}

#[test]
fn logs() {
    let world = World::start();
    world.some_tasks();
    let report = world.run(
        "logs",
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
    println!("{}", world.run("rollback", &[]));
}
