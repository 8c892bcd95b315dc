//! What somebody sees on a terminal while it takes its time: how much is done of how much, how fast, and for how long still.

use std::process::Command;

use super::world::World;
use crate::support::run;

/// Runs a command on a terminal of its own, and answers all that was drawn there, a drawing a line.
#[track_caller]
pub(super) fn on_a_terminal(world: &World, words: &str) -> Vec<String> {
    let plain = world.command(words);
    let program = plain.get_program().display();
    let mut command = Command::new("script");
    command
        .args(["-qec", &format!("stty cols 200; exec {program} {words}"), "/dev/null"])
        .env("TERM", "xterm");
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let drawn = run(command.current_dir(plain.get_current_dir().expect("a directory"))).exits(0).stdout;
    drawn.split(['\r', '\n', '\u{1b}']).map(ToOwned::to_owned).collect()
}

/// Whether a stage was seen to be somewhere between its beginning and its end.
#[track_caller]
pub(super) fn assert_measured(drawn: &[String], stage: &str) {
    let measured = drawn.iter().filter(|line| line.contains(stage)).any(|line| {
        let amounts = line.split("  ").find_map(|part| part.trim().split_once('/'));
        let begun = amounts.is_some_and(|(done, total)| {
            [done, total].iter().all(|amount| amount.ends_with('B')) && done != "0 B" && done != total
        });
        begun && line.contains("B/s  ETA ")
    });
    assert!(measured, "{stage} was not measured: {drawn:#?}");
}

#[test]
fn a_dump_and_its_restore_are_measured_in_bytes() {
    let world = World::postgres();
    let postgres = world.postgres.as_ref().expect("a server");
    let fill = "CREATE TABLE much AS SELECT n, repeat(md5(n::text), 10) AS text FROM generate_series(1, 400000) n; ANALYZE";
    postgres.execute("test_0", fill);
    let drawn = on_a_terminal(&world, "backup create --format dump");
    assert_measured(&drawn, "copying");
    let drawn = on_a_terminal(&world, "restore run --latest --target restored --yes");
    assert_measured(&drawn, "restoring");
}
