//! The rules on backups.

use std::time::Duration;

use crate::alert::{Comparison, Condition, Measure, Rule, Series, Severity, Step, Thresholds, Unit};

/// For how long the first good backup has been overdue; absent where none is expected.
const BACKUP_OVERDUE: Series = Series::all("taskward_backup_first_overdue_seconds");
/// How many backups in a row the service was to make and did not; absent where it makes none.
const BACKUP_FAILURES: Series = Series::all("taskward_backup_consecutive_failures");
/// For how long the first drill that passes has been overdue; absent while there is no backup.
const DRILL_OVERDUE: Series = Series::all("taskward_drill_first_overdue_seconds");
/// How long ago a drill was passed; absent while there was none.
const DRILL_AGE: Series = Series::all("taskward_drill_last_success_age_seconds");
/// How old what the last good backup holds is; absent while there is none.
const BACKUP_AGE: Series = Series::all("taskward_backup_last_success_age_seconds");

/// How far the archive of the database's log is behind; absent while none is kept.
const WAL_LAG: Series = Series::all("taskward_backup_wal_lag_seconds");
/// How much log PostgreSQL keeps because the archive does not have it; absent while none is kept.
const WAL_HELD: Series = Series::all("taskward_backup_wal_held_bytes");

pub(super) fn backup_too_old(thresholds: &Thresholds) -> Rule {
    Rule {
        name: "BackupTooOld",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(4 * 3600),
        summary: "The last backup is old",
        description: "The last good backup is {value} old, older than {threshold}: as much would be lost with the database.",
        by: &[],
        per_instance: false,
        unit: Unit::Seconds,
        when: Condition::above(Measure::Lowest(BACKUP_AGE), thresholds.backup_too_old.as_secs_f64(), 1.0),
        and: Vec::new(),
        hold: Duration::ZERO,
        steps: const {
            &[
                Step::run("taskward backup check", "Is there one to rely on, and how old is it?"),
                Step::run("taskward log errors --since 24h", "Why did the last ones fail?"),
                Step::hand("Mend the cause, then make one: `taskward backup create`."),
            ]
        },
    }
}

/// Of many instances one that sees a backup is enough, so the lowest counts.
pub(super) fn no_backup(_: &Thresholds) -> Rule {
    Rule {
        name: "NoBackup",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(4 * 3600),
        summary: "There is no backup",
        description: "There is no good backup, and `backup.rpo` has wanted one for {value}: everything would be lost with the database.",
        by: &[],
        per_instance: false,
        unit: Unit::Seconds,
        when: Condition::plain(Measure::Lowest(BACKUP_OVERDUE), Comparison::Above, 0.0),
        and: Vec::new(),
        hold: Duration::ZERO,
        steps: const {
            &[
                Step::run("taskward backup create --dry-run", "Could one be made? If not, this says why."),
                Step::run("taskward log errors --since 24h", "Why did the last ones fail?"),
                Step::hand("Mend the cause, then make one: `taskward backup create`."),
            ]
        },
    }
}

pub(super) fn backup_failed(_: &Thresholds) -> Rule {
    Rule {
        name: "BackupFailed",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(4 * 3600),
        summary: "Backups by schedule fail",
        description: "Backups that the service was to make and did not, in a row: {value}.",
        by: &[],
        per_instance: false,
        unit: Unit::Count,
        when: Condition::plain(Measure::Highest(BACKUP_FAILURES), Comparison::Above, 0.0),
        and: Vec::new(),
        hold: Duration::ZERO,
        steps: const {
            &[
                Step::run("taskward backup create --dry-run", "Could one be made? If not, this says why."),
                Step::run("taskward log errors --since 1h", "What did the service say about it?"),
                Step::hand(
                    "Mend the cause. The service tries again within five minutes; `taskward backup create` does at once.",
                ),
            ]
        },
    }
}

pub(super) fn drill_too_old(thresholds: &Thresholds) -> Rule {
    Rule {
        name: "DrillTooOld",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(24 * 3600),
        summary: "No backup was tried for long",
        description: "A backup was last restored to see whether it works {value} ago, longer than {threshold}.",
        by: &[],
        per_instance: false,
        unit: Unit::Seconds,
        when: Condition::above(Measure::Lowest(DRILL_AGE), thresholds.drill_too_old.as_secs_f64(), 1.0),
        and: Vec::new(),
        hold: Duration::ZERO,
        steps: const {
            &[
                Step::run("taskward drill restore --latest", "Can it be restored, in the time there is?"),
                Step::run("taskward drill history", "How did the last ones go?"),
            ]
        },
    }
}

pub(super) fn no_drill(_: &Thresholds) -> Rule {
    Rule {
        name: "NoDrill",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(24 * 3600),
        summary: "No backup was ever tried",
        description: "No drill has ever passed, and `alerts.drill_too_old` has wanted one for {value}: nobody knows whether a backup can be restored.",
        by: &[],
        per_instance: false,
        unit: Unit::Seconds,
        when: Condition::plain(Measure::Lowest(DRILL_OVERDUE), Comparison::Above, 0.0),
        and: Vec::new(),
        hold: Duration::ZERO,
        steps: const {
            &[
                Step::run("taskward drill restore --latest", "Can it be restored, in the time there is?"),
                Step::run("taskward drill history", "How did the last ones go?"),
            ]
        },
    }
}

pub(super) fn wal_archive_lag(thresholds: &Thresholds) -> Rule {
    Rule {
        name: "WalArchiveLag",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(3600),
        summary: "The archive of the log is behind",
        description: "The archive of the database's log is {value} behind, more than {threshold}: as much would be lost with the database, and its disk fills with what waits.",
        by: &[],
        per_instance: false,
        unit: Unit::Seconds,
        when: Condition::above(Measure::Lowest(WAL_LAG), thresholds.wal_archive_lag.as_secs_f64(), 1.0),
        and: Vec::new(),
        hold: Duration::ZERO,
        steps: const {
            &[
                Step::run(
                    "taskward backup check",
                    "Is the log received, how much is held back, is there room?",
                ),
                Step::run("taskward log errors --since 1h", "Why is it not archived?"),
                Step::hand(
                    "Make room in `backup.dir`, or start what archives again: it goes on by itself from where it was.",
                ),
            ]
        },
    }
}

pub(super) fn wal_held_back(thresholds: &Thresholds) -> Rule {
    Rule {
        name: "WalHeldBack",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(3600),
        summary: "PostgreSQL holds back too much log",
        description: "PostgreSQL keeps {value} of log that the archive does not have, more than {threshold}: it fills the database's disk, or is removed at `max_slot_wal_keep_size`, which is a gap.",
        by: &[],
        per_instance: false,
        unit: Unit::Bytes,
        when: Condition::above(Measure::Lowest(WAL_HELD), thresholds.wal_held_back as f64, 1.0),
        and: Vec::new(),
        hold: Duration::ZERO,
        steps: const {
            &[
                Step::run("taskward backup check", "Does anybody receive it, and is it bounded?"),
                Step::run("taskward log errors --since 1h", "Why is it not archived?"),
                Step::hand(
                    "Start what archives again, or make room in `backup.dir`. A slot that nobody needs any more is dropped: `SELECT pg_drop_replication_slot('taskward')`.",
                ),
            ]
        },
    }
}
