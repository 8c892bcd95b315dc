//! `make demo`, on both databases: a real workload with a real shell command, compared with the truth.

use std::process::Command;

use taskward_testkit::postgres::TempPostgres;

/// Enough files for several batches of claims; `make demo` takes ten times as many.
const FILES: &str = "300";

fn demo(database_url: Option<&str>) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/demo.sh");
    let mut command = Command::new(script);
    command
        .env("TASKWARD", env!("CARGO_BIN_EXE_taskward"))
        .env("DEMO_FILES", FILES)
        .env_remove("DATABASE_URL");
    if let Some(url) = database_url {
        command.env("DATABASE_URL", url);
    }
    let output = command.output().expect("the demo starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    let expected = format!("{FILES} files, {FILES} digests, all right; 0 tasks lost, 0 left.");
    assert!(stdout.contains(&expected), "{stdout}\n{stderr}");
}

#[test]
fn every_digest_is_right_on_sqlite() {
    demo(None);
}

#[test]
fn every_digest_is_right_on_postgres() {
    let postgres = TempPostgres::start();
    demo(Some(&postgres.create_database()));
}
