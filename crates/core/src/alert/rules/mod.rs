//! The table of rules. Names, severities, response times and steps of the first four are the runbook's.

mod backup;
mod database;
mod key;
mod requests;
mod system;
mod tasks;

use super::{Rule, Thresholds};

/// The names of all rules, in the order of the table.
pub const NAMES: [&str; 19] = [
    "HighLatency",
    "ErrorRate",
    "DatabaseDown",
    "DiskFull",
    "InodesFull",
    "QueueStuck",
    "NoWorkers",
    "DeadTasks",
    "LeaseRescues",
    "ErrorBudgetBurn",
    "ErrorBudgetBurnSlow",
    "KeyTooOld",
    "BackupTooOld",
    "NoBackup",
    "BackupFailed",
    "DrillTooOld",
    "NoDrill",
    "WalArchiveLag",
    "WalHeldBack",
];

/// All rules with these thresholds, in the order of [`NAMES`].
pub fn rules(thresholds: &Thresholds) -> Vec<Rule> {
    vec![
        requests::high_latency(thresholds),
        requests::error_rate(thresholds),
        database::database_down(thresholds),
        system::disk_full(thresholds),
        system::inodes_full(thresholds),
        tasks::queue_stuck(thresholds),
        tasks::no_workers(thresholds),
        tasks::dead_tasks(thresholds),
        tasks::lease_rescues(thresholds),
        requests::error_budget_burn(thresholds),
        requests::error_budget_burn_slow(thresholds),
        key::key_too_old(thresholds),
        backup::backup_too_old(thresholds),
        backup::no_backup(thresholds),
        backup::backup_failed(thresholds),
        backup::drill_too_old(thresholds),
        backup::no_drill(thresholds),
        backup::wal_archive_lag(thresholds),
        backup::wal_held_back(thresholds),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::alert::Severity;

    #[test]
    fn the_runbooks_rules_are_as_it_says() {
        let rules = rules(&Thresholds::default());
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        for (name, threshold, severity, respond_within) in [
            ("HighLatency", 2.0, Severity::Warning, minutes(30)),
            ("ErrorRate", 0.05, Severity::Critical, minutes(15)),
            ("DatabaseDown", 1.0, Severity::Critical, minutes(5)),
            ("DiskFull", 0.9, Severity::Warning, minutes(60)),
        ] {
            let rule = rules.iter().find(|rule| rule.name == name).expect(name);
            assert_eq!(rule.when.threshold, threshold, "{name}");
            assert_eq!((rule.severity, rule.respond_within), (severity, respond_within), "{name}");
        }
    }

    #[test]
    fn every_rule_can_be_acted_on() {
        let rules = rules(&Thresholds::default());
        assert_eq!(rules.iter().map(|rule| rule.name).collect::<Vec<_>>(), NAMES);
        for rule in &rules {
            assert!(rule.steps.len() >= 2, "{}", rule.name);
            let first = rule.steps[0].command.expect("the first step is a command");
            assert!(first.starts_with("taskward "), "{}: {first}", rule.name);
            assert!(
                rule.when.is.holds(rule.when.threshold, rule.when.resolve)
                    || rule.when.threshold == rule.when.resolve,
                "{}: it would resolve later than it fires",
                rule.name
            );
            for label in rule.by {
                assert!(rule.description.contains(&format!("{{{label}}}")), "{}: {label}", rule.name);
            }
        }
    }
}
