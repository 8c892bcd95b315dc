//! A service, and a shell beside it as an operator has it.

use std::path::Path;
use std::process::Command;

use taskward_testkit::postgres::TempPostgres;
use taskward_testkit::runbook::{self, Report, Skip};
use tempfile::TempDir;

use crate::read;
use crate::support::{Server, until};

/// `taskward` is in the shell's `PATH`, the service's environment is its own, and a `systemctl` knows the units of the
/// service and, where there is one, of its PostgreSQL.
pub(super) struct World {
    pub(super) server: Server,
    postgres: Option<TempPostgres>,
    /// Not within the database's directory.
    backups: TempDir,
}

/// Stands for systemd's. What `start` starts ends with the test, or after five minutes.
const SYSTEMCTL: &str = r#"#!/bin/sh
set -eu
state() { cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null || echo Z; }
end() { kill "-$2" "$1" 2>/dev/null || true; until [ "$(state "$1")" = Z ]; do sleep 0.1; done; }
stop() {
    case "$1" in
    app-example) end "$(cat service.pid)" TERM ;;
    postgresql) [ ! -e "$PGDATA/postmaster.pid" ] || end "$(head -n 1 "$PGDATA/postmaster.pid")" INT ;;
    esac
}
start() {
    case "$1" in
    app-example)
        # Otherwise it passes a signal on twice, and the second one ends the service at once.
        timeout --foreground --signal=KILL 300 taskward serve >>serve.log 2>&1 &
        echo $! >service.pid
        taskward health ready --wait 30s >/dev/null
        ;;
    postgresql)
        timeout --signal=QUIT 300 sh postgresql.sh >>postgresql.log 2>&1 &
        until grep -q '^ready' "$PGDATA/postmaster.pid" 2>/dev/null; do sleep 0.1; done
        ;;
    esac
}
verb=$1
shift
for unit; do
    case "$verb $unit" in
    *' app-example' | *' postgresql') ;;
    *) exit 2 ;;
    esac
    case "$verb" in
    start | stop) "$verb" "$unit" ;;
    restart) stop "$unit"; start "$unit" ;;
    *) exit 2 ;;
    esac
done
"#;

impl World {
    /// A service on a SQLite file.
    pub(super) fn start() -> Self {
        Self::with(None)
    }

    /// A service on a PostgreSQL of its own.
    pub(super) fn start_on_postgres() -> Self {
        // Bounded, as the chapter on backups asks for.
        let keeps = ("max_slot_wal_keep_size", "1GB");
        Self::with(Some(TempPostgres::start_with(&[keeps, ("fsync", "off"), ("full_page_writes", "off")])))
    }

    fn with(postgres: Option<TempPostgres>) -> Self {
        let backups = tempfile::tempdir().expect("a directory");
        let mut variables = settings(&backups);
        variables.extend(postgres.as_ref().map(|postgres| ("DATABASE_URL", postgres.create_database())));
        let borrowed: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let server = Server::start_with(&borrowed);
        std::fs::create_dir(server.path("bin")).expect("a directory");
        runbook::script(&server.path("bin/systemctl"), SYSTEMCTL);
        std::fs::write(server.path("service.pid"), server.pid().to_string()).expect("written");
        if let Some(postgres) = &postgres {
            let line = format!("exec {}\n", postgres.command_line());
            std::fs::write(server.path("postgresql.sh"), line).expect("written");
        }
        let world = Self { server, postgres, backups };
        world.until_the_log_is_received();
        world
    }

    /// A service has run for a while when somebody looks into the runbook.
    fn until_the_log_is_received(&self) {
        let end = self.backups.path().join("backups/wal/postgres/end.json");
        until("the log is received", || self.postgres.is_none() || end.exists());
    }

    /// Runs a chapter, without the sections that another world is for; the report lists what was not run.
    pub(super) fn run(&self, chapter: &str, others: &[&str], skips: &[Skip]) -> Report {
        let name = format!("docs/runbook/{chapter}.md");
        runbook::run(&name, &runbook::without(&read(&name), others), skips, |shell| self.prepare(shell))
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
            .envs(settings(&self.backups))
            .current_dir(self.server.path(""));
        if let Some(postgres) = &self.postgres {
            shell.env("DATABASE_URL", postgres.url("test_0")).env("PGDATA", postgres.data_directory());
        }
    }

    /// Something to look at: a task that was done, one that waits and one that is dead.
    pub(super) fn some_tasks(&self) {
        self.server.enqueue(&[]);
        self.server.work("true");
        self.server.enqueue(&["--max-attempts", "1"]);
        self.server.work("exit 65");
        self.server.enqueue(&["--delay", "1h"]);
    }
}

/// What the service and the shell are both told, beside where they are.
fn settings(backups: &TempDir) -> Vec<(&'static str, String)> {
    let backups = backups.path().join("backups").display().to_string();
    vec![
        ("TASKWARD__LOGGING__FILE", "example.log".to_owned()),
        ("TASKWARD__SERVER__DRAIN_NOTICE", "0s".to_owned()),
        ("TASKWARD__BACKUP__DIR", backups),
        ("TASKWARD__BACKUP__WAL", "stream".to_owned()),
    ]
}

impl Drop for World {
    fn drop(&mut self) {
        // Service and database may be other processes by now, or have ended.
        let mut shell = Command::new("sh");
        shell.args(["bin/systemctl", "stop", "app-example"]);
        self.prepare(&mut shell);
        if self.postgres.is_some() {
            shell.arg("postgresql");
        }
        let _ = shell.status();
    }
}
