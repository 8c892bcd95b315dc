//! The dashboard in a real browser. `scripts/setup.sh test` installs Chromium and what drives it; where they are
//! missing this fails, it never passes without having looked.

#[path = "cli/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests of the command line use the rest of it")]
mod support;

use std::path::Path;
use std::process::Command;

use support::Server;

const KEY: &str = "browser-test-key-0123456789";

#[test]
fn every_page_and_action_works_in_a_browser() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    assert!(
        folder.join("node_modules/playwright-core").exists() && folder.join("node_modules/axe-core").exists(),
        "what drives the browser is missing; install it with: scripts/setup.sh test"
    );
    let open = Server::start();
    let guarded = Server::start_with(&[("API_KEY", KEY)]);
    let mut script = Command::new("node");
    script
        .arg("dashboard.mjs")
        .current_dir(&folder)
        .env("OPEN_URL", open.url())
        .env("OPEN_PID", open.pid().to_string())
        .env("GUARDED_URL", guarded.url())
        .env("GUARDED_KEY", KEY)
        .env("SCREENSHOTS", folder.join("screenshots"));
    let output = script.output().expect("node starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{stdout}{stderr}");
    assert!(output.status.success(), "{stdout}\n{stderr}");
}
