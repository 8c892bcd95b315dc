//! The rule on the API key.

use std::time::Duration;

use crate::alert::{Condition, Measure, Rule, Series, Severity, Step, Thresholds, Unit};

/// How old the API key is that this instance takes; absent where that cannot be known.
const KEY_AGE: Series = Series::all("taskward_key_age_seconds");

pub(super) fn key_too_old(thresholds: &Thresholds) -> Rule {
    Rule {
        name: "KeyTooOld",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(7 * 24 * 3600),
        summary: "The API key is old",
        description: "The API key is {value} old, older than {threshold}: whoever has seen it since can still use it.",
        by: &[],
        per_instance: true,
        unit: Unit::Seconds,
        when: Condition::above(Measure::Highest(KEY_AGE), thresholds.key_too_old.as_secs_f64(), 1.0),
        and: Vec::new(),
        hold: Duration::ZERO,
        steps: const {
            &[
                Step::run(
                    "taskward config show --origin",
                    "Which file is it from? Look at `server.api_key`.",
                ),
                Step::hand("Write a new key to that file: `openssl rand -hex 32`."),
                Step::hand("Restart the instances, and give the new key to workers and clients."),
                Step::run(
                    "taskward config check",
                    "Is the new file taken, and readable by the service alone?",
                ),
            ]
        },
    }
}
