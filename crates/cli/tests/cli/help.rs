//! The help of every command, as reviewed files: what changes there, users see.

use crate::support::{run, taskward};

/// The commands below a command, as its help lists them.
fn below(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = listed.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(ToOwned::to_owned).collect()
}

fn visit(path: &[String], seen: &mut usize) {
    let help = run(taskward().args(path).arg("--help")).exits(0);
    assert_eq!(help.stderr, "", "help belongs on stdout");
    let name =
        std::iter::once("taskward").chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
    insta::assert_snapshot!(name, help.stdout);
    *seen += 1;
    for command in below(&help.stdout) {
        visit(&[path, &[command]].concat(), seen);
    }
}

#[test]
fn every_command_has_a_reviewed_help() {
    let mut seen = 0;
    visit(&[], &mut seen);
    assert!(seen >= 25, "only {seen} commands were found");
}

#[test]
fn help_needs_no_configuration() {
    let mut command = taskward();
    command.args(["serve", "-h"]).env("APP_ENV", "nonsense").env("DATABASE_URL", "nonsense");
    let help = run(&mut command).exits(0);
    assert!(help.stdout.contains("Usage: taskward serve"));
}

#[test]
fn version_is_said_in_three_ways() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(run(taskward().arg("--version")).exits(0).stdout, format!("taskward {version}\n"));
    assert!(run(taskward().arg("version")).exits(0).stdout.starts_with(&format!("taskward {version} (")));
    assert_eq!(run(taskward().args(["version", "-o", "json"])).exits(0).json()["version"], version);
}

#[test]
fn every_shell_gets_a_completion_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(taskward().args(["completion", shell])).exits(0).stdout;
        assert!(script.contains("taskward") && script.contains("until-empty"), "{shell}");
    }
}
