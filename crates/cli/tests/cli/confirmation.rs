//! The schema, up and down: what destroys asks, and a dry run touches nothing.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::{Run, run, taskward};

fn migrate(directory: &Path, words: &[&str]) -> Command {
    let mut command = taskward();
    command.arg("migrate").args(words).current_dir(directory).env("DATABASE_URL", "sqlite:t.db");
    command
}

#[test]
fn up_and_down_and_up_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("t.db");
    let go = |words: &[&str], code: i32| -> Run { run(&mut migrate(directory.path(), words)).exits(code) };

    go(&["status"], 6);
    assert!(go(&["up", "--dry-run"], 0).stdout.contains("would be created"));
    assert!(!file.exists(), "neither creates the file");

    let up = go(&["up", "-o", "json"], 0).json();
    let latest = up["to"].clone();
    assert_eq!((&up["from"], &up["dry_run"]), (&json!(0), &json!(false)));
    assert!(go(&["up"], 0).stdout.contains("nothing to do"));
    let status = go(&["status", "-o", "json"], 0).json();
    assert_eq!((&status["current"], &status["latest"], &status["pending"]), (&latest, &latest, &json!([])));

    assert!(go(&["down", "--to", "0", "--no-backup", "--dry-run"], 0).stdout.contains("would revert"));
    let asked = go(&["down", "--to", "0", "--accept-data-loss"], 9);
    assert!(asked.stderr.contains("[not_confirmed]") && asked.stderr.contains("--yes"), "{}", asked.stderr);
    assert_eq!(go(&["status", "-o", "json"], 0).json()["current"], latest, "nothing was touched");
    go(&["up", "--to", "999"], 2);
    go(&["down", "--to", "999", "--yes"], 2);

    let mut beside = migrate(directory.path(), &["down", "--to", "0", "--accept-data-loss", "--yes"]);
    let refused = run(beside.env("TASKWARD__BACKUP__DIR", ".")).exits(5);
    assert!(refused.stderr.contains("[backup_destination]"), "{}", refused.stderr);
    assert_eq!(go(&["status", "-o", "json"], 0).json()["current"], latest, "nothing was touched");
    // The default directory of backups is in the working directory, as this database is.
    assert!(go(&["down", "--to", "1", "--accept-data-loss", "--yes"], 0).stdout.contains("backup"));
    assert!(directory.path().join("backups").is_dir());
    go(&["up", "--no-backup", "--yes"], 0);
    let words = ["down", "--to", "0", "--accept-data-loss", "--no-backup", "--yes", "-o", "json"];
    let down = go(&words, 0).json();
    assert_eq!((&down["from"], &down["to"], &down["backup"]), (&latest, &json!(0), &json!(null)));
    assert!(go(&["status"], 0).stdout.contains("pending"));
    assert!(go(&["up"], 0).stdout.contains("applied"));
}
