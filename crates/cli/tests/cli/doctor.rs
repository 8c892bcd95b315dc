//! `taskward doctor`.

use std::process::Command;

use crate::support::{run, taskward};

/// The command on a machine where a service would have its database in this directory.
fn disk(database: &str, percent: &str) -> Command {
    let mut command = taskward();
    command
        .args(["doctor", "disk"])
        .env("DATABASE_URL", database)
        .env("TASKWARD__ALERTS__DISK_FULL_PERCENT", percent);
    command
}

#[test]
fn disks_are_fine_full_or_unknown() {
    let directory = tempfile::tempdir_in("/var/tmp").expect("a directory");
    std::fs::write(directory.path().join("taskward.db"), vec![0; 2048]).expect("written");
    let here = format!("sqlite:{}", directory.path().join("taskward.db").display());
    let fine = run(&mut disk(&here, "99")).exits(0).stdout;
    assert!(fine.contains("data") && fine.contains("ok") && fine.contains("database 2.00 KiB"), "{fine}");

    let full = run(disk(&here, "1").args(["-o", "json"])).exits(3).json();
    assert_eq!((&full["error"]["code"], &full["report"]["verdict"]), (&"disk_full".into(), &"fail".into()));
    assert_eq!(full["report"]["places"][0]["holds"][0]["bytes"], 2048);
    let said = run(&mut disk(&here, "1")).exits(3);
    assert!(
        said.stdout.contains("FAIL") && said.stderr.contains("next:  taskward config explain"),
        "{said:#?}"
    );

    let gone = run(&mut disk("sqlite:/nowhere/at/all.db", "99")).exits(4);
    assert!(gone.stdout.contains("UNKNOWN") && gone.stderr.contains("error[disk_unknown]"), "{gone:#?}");
    // Nothing to look at is no pass.
    let elsewhere = run(&mut disk("postgres://u@127.0.0.1:1/d", "99")).exits(4);
    assert!(elsewhere.stderr.contains("keeps nothing on this machine"), "{elsewhere:#?}");
}
