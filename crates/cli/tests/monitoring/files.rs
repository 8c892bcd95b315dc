//! The files of `deploy/` are what their programs take, and the rules do what they should.

use std::path::{Path, PathBuf};
use std::process::Command;

use taskward_core::alert::NAMES;

use crate::support::{Run, run, taskward};

/// A directory of `deploy/`.
pub(crate) fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path)
}

#[track_caller]
fn says_yes(command: &mut Command) -> Run {
    let program = command.get_program().to_owned();
    assert!(
        Command::new(&program).arg("--version").output().is_ok(),
        "this test needs {}: scripts/setup.sh test",
        program.display()
    );
    run(command).exits(0)
}

#[test]
fn prometheus_takes_its_configuration_and_the_rules() {
    let directory = deploy("prometheus");
    let checked = says_yes(
        Command::new("promtool").args(["check", "config", "prometheus.yml"]).current_dir(&directory),
    );
    assert!(format!("{checked:?}").contains(&format!("{} rules found", NAMES.len())), "{checked:#?}");
}

#[test]
fn alertmanager_takes_its_configuration() {
    let config = deploy("alertmanager/alertmanager.yml");
    says_yes(Command::new("amtool").arg("check-config").arg(config));
}

#[test]
fn every_rule_fires_on_a_breach_and_on_nothing_else() {
    let files = ["taskward.rules.test.yml", "taskward.rules.hours.test.yml"];
    let directory = deploy("prometheus");
    says_yes(Command::new("promtool").args(["test", "rules"]).args(files).current_dir(directory));
}

#[test]
fn rules_with_thresholds_of_ones_own_are_rules_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = taskward();
    for (name, value) in [
        ("WINDOW", "90s"),
        ("HIGH_LATENCY", "333ms"),
        ("DEAD_TASKS_MAX", "0"),
        ("DISK_FULL_PERCENT", "99"),
        ("RUNBOOK_URL", "https://wiki/it's here"),
    ] {
        command.env(format!("TASKWARD__ALERTS__{name}"), value);
    }
    let rules = run(command.args(["alerts", "rules"])).exits(0).stdout;
    let file = directory.path().join("rules.yml");
    std::fs::write(&file, rules).expect("written");
    says_yes(Command::new("promtool").args(["check", "rules"]).arg(file));
}
