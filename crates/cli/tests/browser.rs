//! The dashboard in a real browser. `scripts/setup.sh test` installs Chromium and what drives it; where they are
//! missing this fails, it never passes without having looked.

#[path = "cli/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests of the command line use the rest of it")]
mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use support::Server;

const KEY: &str = "browser-test-key-0123456789";

/// The script lets three tasks die: one too many. Nothing else is to fire, however slow or full the machine is.
const ALERTS: [(&str, &str); 6] = [
    ("TASKWARD__ALERTS__DEAD_TASKS_MAX", "2"),
    ("TASKWARD__ALERTS__DISK_FULL_PERCENT", "99"),
    ("TASKWARD__ALERTS__NO_WORKERS", "24h"),
    ("TASKWARD__ALERTS__HIGH_LATENCY", "60s"),
    ("TASKWARD__ALERTS__LEASE_RESCUES_MAX", "1000"),
    ("TASKWARD__ALERTS__SLACK_URL", "http://127.0.0.1:1/T0/hidden-token"),
];

#[test]
fn every_page_and_action_works_in_a_browser() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    assert!(
        folder.join("node_modules/playwright-core").exists() && folder.join("node_modules/axe-core").exists(),
        "what drives the browser is missing; install it with: scripts/setup.sh test"
    );
    let mut open = Server::start_with(&ALERTS);
    let guarded = Server::start_with(&[("API_KEY", KEY)]);
    let mut script = Command::new("node");
    script
        .arg("dashboard.mjs")
        .current_dir(&folder)
        .env("OPEN_URL", open.url())
        .env("GUARDED_URL", guarded.url())
        .env("GUARDED_KEY", KEY)
        .env("SCREENSHOTS", folder.join("screenshots"));
    let mut node = script.stdout(Stdio::piped()).spawn().expect("node starts");
    let lines = BufReader::new(node.stdout.take().expect("a pipe")).lines();
    for line in lines.map_while(Result::ok) {
        println!("{line}");
        if line == "the service may go" {
            open.crash();
        }
    }
    assert!(node.wait().expect("ended").success(), "see what the script says above");
}
