//! The files that follow from the rules are what the rules say. `UPDATE_DOCS=1` rewrites them.

use std::fs;
use std::path::Path;

use taskward_config::{Config, Sources};
use taskward_core::alert::{Thresholds, rules};
use taskward_ops::monitoring::{alerts_document, rules_file};

/// Compares a file with what it should be, or rewrites it.
fn assert_file(path: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let found = fs::read_to_string(&path).unwrap_or_default();
    if found == expected {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "{} is out of date; run UPDATE_DOCS=1 cargo test -p taskward-ops",
        path.display()
    );
    fs::write(&path, expected).expect("write");
}

fn defaults() -> taskward_config::Alerts {
    let nothing = Sources { config_dirs_default: Vec::new(), ..Sources::default() };
    Config::load_alerts(&nothing).expect("the defaults are valid")
}

#[test]
fn the_configurations_defaults_are_those_of_the_rules() {
    assert_eq!(defaults().thresholds(), Thresholds::default());
}

#[test]
fn the_table_of_alerts_is_what_the_rules_say() {
    assert_file("docs/alerts.md", &alerts_document(&rules(&Thresholds::default())));
}

#[test]
fn the_rules_file_for_prometheus_is_what_the_rules_say() {
    let file = rules_file(&rules(&Thresholds::default()), &defaults().runbook_url);
    assert_file("deploy/prometheus/taskward.rules.yml", &file.to_string());
}
