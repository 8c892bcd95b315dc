//! Rules on the machine.

use std::time::Duration;

use crate::alert::{Condition, Measure, Rule, Series, Severity, Step, Thresholds, Unit};

/// The file systems that the service writes to.
const BYTES_FREE: Series = Series::all("taskward_disk_available_bytes");
const BYTES: Series = Series::all("taskward_disk_size_bytes");
const INODES_FREE: Series = Series::all("taskward_disk_inodes_available");
const INODES: Series = Series::all("taskward_disk_inodes");

pub(super) fn disk_full(thresholds: &Thresholds) -> Rule {
    let limit = f64::from(thresholds.disk_full_percent) / 100.0;
    Rule {
        name: "DiskFull",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(3600),
        summary: "A disk is nearly full",
        description: "The file system of {directory} is {value} full, more than {threshold}.",
        by: &["directory"],
        per_instance: true,
        unit: Unit::Share,
        when: Condition::above(Measure::Used { free: BYTES_FREE, size: BYTES }, limit, 0.98),
        and: Vec::new(),
        hold: thresholds.disk_full_for,
        steps: const {
            &[
                Step::run(
                    "taskward doctor disk",
                    "Which disk is it, and how much of it does the service keep?",
                ),
                Step::run("taskward log prune --dry-run", "Are there old logs to remove?"),
                Step::hand("Remove whatever else fills the file system; never files of the database."),
                Step::run(
                    "taskward config explain tasks.retention",
                    "Keep finished tasks for a shorter time.",
                ),
                Step::hand("Make the file system larger."),
            ]
        },
    }
}

pub(super) fn inodes_full(thresholds: &Thresholds) -> Rule {
    let disk_full = disk_full(thresholds);
    let limit = disk_full.when.threshold;
    Rule {
        name: "InodesFull",
        summary: "A file system has few inodes left",
        description: "{value} of the inodes in the file system of {directory} are used, more than {threshold}.",
        when: Condition::above(Measure::Used { free: INODES_FREE, size: INODES }, limit, 0.98),
        ..disk_full
    }
}
