//! Rules on the answers to requests: how fast, how many wrong.

use std::time::Duration;

use crate::alert::{Comparison, Condition, Matcher, Measure, Rule, Series, Severity, Step, Thresholds, Unit};

/// The routes whose callers ask to wait: how long they take says nothing about the service.
const ANSWERS_AT_ONCE: &[Matcher] =
    &[Matcher::IsNot("route", "/api/v1/claim"), Matcher::IsNot("route", "/api/v1/tasks/{id}")];
/// Durations of the requests that do not wait.
const DURATIONS: Series = Series { metric: "taskward_http_request_duration_seconds", only: ANSWERS_AT_ONCE };
/// How many those are.
const PROMPT: Series =
    Series { metric: "taskward_http_request_duration_seconds_count", only: ANSWERS_AT_ONCE };
/// All requests.
const REQUESTS: Series = Series::all("taskward_http_request_duration_seconds_count");
/// Those that the service failed.
const FAILED: Series = Series {
    metric: "taskward_http_request_duration_seconds_count",
    only: &[Matcher::Begins("status", "5")],
};

/// How fast a budget of 30 days may be used up, and the windows in which that is seen: the two pairs by which somebody
/// is called in Google's SRE workbook, chapter 5.
struct Burn {
    /// So many times as fast as the budget allows in the long run.
    times: f64,
    /// Says that it matters.
    long: Duration,
    /// Says that it goes on.
    short: Duration,
}

/// 2 % of the budget within an hour.
const FAST: Burn = Burn { times: 14.4, long: Duration::from_secs(3600), short: Duration::from_secs(300) };
/// 5 % of the budget within six hours.
const SLOW: Burn = Burn { times: 6.0, long: Duration::from_secs(6 * 3600), short: Duration::from_secs(1800) };

pub(super) fn high_latency(thresholds: &Thresholds) -> Rule {
    let window = thresholds.window;
    let p95 = Measure::Quantile { quantile: 0.95, of: DURATIONS, window };
    Rule {
        name: "HighLatency",
        severity: Severity::Warning,
        respond_within: Duration::from_secs(30 * 60),
        summary: "Requests are slow",
        description: "The P95 of requests is {value}, above {threshold}. Requests that wait for tasks do not count.",
        by: &[],
        per_instance: false,
        unit: Unit::Seconds,
        when: Condition::above(p95, thresholds.high_latency.as_secs_f64(), 0.9),
        and: vec![enough(PROMPT, window, thresholds)],
        hold: thresholds.high_latency_for,
        steps: const {
            &[
                Step::run("taskward metrics show", "How slow, how much traffic, how busy is the machine?"),
                Step::run("taskward health ready", "Is it the database? The answer says how long it took."),
                Step::run(
                    "taskward queue list",
                    "Is there more work than usual? Look at `available` and `oldest`.",
                ),
                Step::hand(
                    "Look for slow statements and locks in the database, and at CPU, memory and disk here.",
                ),
                Step::hand("Add an instance, or a larger machine, when the load is real."),
            ]
        },
    }
}

pub(super) fn error_rate(thresholds: &Thresholds) -> Rule {
    let window = thresholds.window;
    let failed = Measure::Share { part: FAILED, whole: REQUESTS, window };
    Rule {
        name: "ErrorRate",
        severity: Severity::Critical,
        respond_within: Duration::from_secs(15 * 60),
        summary: "Too many requests fail",
        description: "{value} of all requests are answered with 5xx, more than {threshold}.",
        by: &[],
        per_instance: false,
        unit: Unit::Share,
        when: Condition::above(failed, f64::from(thresholds.error_rate_percent) / 100.0, 0.8),
        and: vec![enough(REQUESTS, window, thresholds)],
        hold: thresholds.error_rate_for,
        steps: const {
            &[
                Step::run(
                    "taskward health ready",
                    "Is what it depends on there? Each failed check says what to do.",
                ),
                Step::run(
                    "taskward log errors --since 15m",
                    "Which errors, and how often? Each request that failed has a line with its id, the answer too.",
                ),
                Step::run("taskward config check", "Did a change of the configuration come before it?"),
                Step::hand("Roll back when it began with a release."),
            ]
        },
    }
}

pub(super) fn error_budget_burn(thresholds: &Thresholds) -> Rule {
    Rule {
        name: "ErrorBudgetBurn",
        summary: "The error budget of a month is used up in two days",
        description: "{value} of the requests of the last hour failed, more than {threshold}, and they still do.",
        ..burning(&FAST, thresholds)
    }
}

pub(super) fn error_budget_burn_slow(thresholds: &Thresholds) -> Rule {
    Rule {
        name: "ErrorBudgetBurnSlow",
        respond_within: Duration::from_secs(3600),
        summary: "The error budget of a month is used up in five days",
        description: "{value} of the requests of the last six hours failed, more than {threshold}, and they still do.",
        ..burning(&SLOW, thresholds)
    }
}

fn burning(burn: &Burn, thresholds: &Thresholds) -> Rule {
    let limit = f64::from(thresholds.error_budget_permille) / 1e3 * burn.times;
    let failed = |window| Measure::Share { part: FAILED, whole: REQUESTS, window };
    Rule {
        when: Condition::above(failed(burn.long), limit, 1.0),
        and: vec![
            Condition::plain(failed(burn.short), Comparison::Above, limit),
            enough(REQUESTS, burn.short, thresholds),
        ],
        hold: thresholds.error_budget_for,
        ..error_rate(thresholds)
    }
}

/// Enough requests to say anything about them.
fn enough(of: Series, window: Duration, thresholds: &Thresholds) -> Condition {
    let least = f64::from(thresholds.requests_min);
    Condition::plain(Measure::Increase { of, window }, Comparison::AtLeast, least)
}
