//! The rule on the database.

use std::time::Duration;

use crate::alert::{Comparison, Condition, Measure, Rule, Series, Severity, Step, Thresholds, Unit};

/// 1 while the database answers this instance and takes writes, else 0.
const DATABASE_UP: Series = Series::all("taskward_database_up");

pub(super) fn database_down(thresholds: &Thresholds) -> Rule {
    Rule {
        name: "DatabaseDown",
        severity: Severity::Critical,
        respond_within: Duration::from_secs(5 * 60),
        summary: "The database does not answer, or takes no writes",
        description: "The database does not answer this instance, or takes no writes. The instance is read-only until it \
                      does: calls that change something get 503 `read_only`, nothing acknowledged is lost, and \
                      leases are kept.",
        by: &[],
        per_instance: true,
        unit: Unit::Flag,
        when: Condition::plain(Measure::Lowest(DATABASE_UP), Comparison::Below, 1.0),
        and: Vec::new(),
        hold: thresholds.database_down_for,
        steps: const {
            &[
                Step::run("taskward health ready", "What does the service say about the database?"),
                Step::run(
                    "taskward maintenance status",
                    "Since when is it so, and why: the server, or its disk?",
                ),
                Step::run(
                    "taskward migrate status",
                    "Can the database be reached from here, past the service?",
                ),
                Step::hand(
                    "Call whoever runs the database. The service is read-only by itself, and comes back by itself.",
                ),
                Step::hand("Tell the users; workers and clients try again by themselves."),
            ]
        },
    }
}
