//! `taskward alerts test`: each rule is shown numbers that are wrong, nearly wrong and absent, through the very
//! code that watches the service.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use taskward_core::alert::{Change, Comparison, Condition, Labels, Measure, Readings, Rule, Watch};
use taskward_core::duration;

/// The time between two looks.
const TICK: Duration = Duration::from_secs(5);

/// What a rule is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// The number is wrong for long enough, hovers around the threshold, and is well again.
    Breach,
    /// The number is as wrong, but not for long enough.
    TooShort,
    /// The number is as bad as it may be.
    JustBelow,
    /// The number is wrong, but what must be so too is not: too little traffic, another window.
    Alone,
    /// There is no number.
    NoData,
}

/// What a rule did in a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replay {
    /// The rule.
    pub rule: &'static str,
    /// What it was shown.
    pub scenario: Scenario,
    /// What it should do.
    pub expected: String,
    /// What it did.
    pub seen: String,
    /// Whether that is the same.
    pub passed: bool,
}

/// What all rules did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayReport {
    /// Whether all did what they should.
    pub passed: bool,
    /// Each rule in each scenario.
    pub replays: Vec<Replay>,
}

/// There is no such rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule {name}")]
pub struct UnknownRule {
    /// The name that was given.
    pub name: String,
}

/// Replays the scenarios for all rules, or for one.
///
/// # Errors
/// [`UnknownRule`] when there is none of that name.
pub fn replay(rules: &[Rule], only: Option<&str>) -> Result<ReplayReport, UnknownRule> {
    let chosen: Vec<_> = rules.iter().filter(|rule| only.is_none_or(|name| rule.name == name)).collect();
    if let (true, Some(name)) = (chosen.is_empty(), only) {
        return Err(UnknownRule { name: name.to_owned() });
    }
    let replays: Vec<_> = chosen
        .into_iter()
        .flat_map(|rule| scenarios(rule).into_iter().map(|scenario| play(rule, scenario)))
        .collect();
    Ok(ReplayReport { passed: replays.iter().all(|replay| replay.passed), replays })
}

/// Scenarios that this rule can tell apart.
fn scenarios(rule: &Rule) -> Vec<Scenario> {
    let mut scenarios = vec![Scenario::Breach];
    if !rule.hold.is_zero() {
        scenarios.push(Scenario::TooShort);
    }
    scenarios.push(Scenario::JustBelow);
    if !rule.and.is_empty() {
        scenarios.push(Scenario::Alone);
    }
    scenarios.push(Scenario::NoData);
    scenarios
}

fn play(rule: &Rule, scenario: Scenario) -> Replay {
    let expected = match scenario {
        Scenario::Breach => format!("fires after {}, resolves", duration::format(rule.hold)),
        _ => "does not fire".to_owned(),
    };
    let seen = match scenario {
        Scenario::Breach => breach(rule),
        Scenario::TooShort => {
            let end = rule.hold.saturating_sub(Duration::from_millis(1));
            let mut watch = Watch::new(rule.clone());
            let fired = run(&mut watch, &wrong(rule), Duration::ZERO, end);
            told(fired.or_else(|| run(&mut watch, &well(rule), rule.hold, rule.hold + TICK)))
        }
        Scenario::JustBelow => told(whole_time(rule, &just_below(rule))),
        Scenario::Alone => told(whole_time(rule, &alone(rule))),
        Scenario::NoData => told(whole_time(rule, &Shown::default())),
    };
    Replay { rule: rule.name, scenario, passed: seen == expected, expected, seen }
}

/// The scenario that should fire, as what was seen.
fn breach(rule: &Rule) -> String {
    let mut watch = Watch::new(rule.clone());
    let Some(fired) = whole_time_of(&mut watch, &wrong(rule)) else { return told(None) };
    let mut now = rule.hold + 2 * TICK;
    if rule.when.resolve != rule.when.threshold {
        // Between the two thresholds nothing may change.
        watch.look(&hovering(rule), now);
        if !watch.is_firing() {
            return format!("{}, does not stay", told(Some(fired)));
        }
        now += TICK;
    }
    let changes = watch.look(&well(rule), now);
    let resolved = matches!(changes[..], [Change::Resolved(..)]) && !watch.is_firing();
    format!("{}, {}", told(Some(fired)), if resolved { "resolves" } else { "does not resolve" })
}

fn told(fired: Option<Duration>) -> String {
    fired.map_or_else(
        || "does not fire".to_owned(),
        |after| format!("fires after {}", duration::format(after)),
    )
}

/// Shows the same numbers for longer than the rule needs.
fn whole_time(rule: &Rule, shown: &Shown) -> Option<Duration> {
    whole_time_of(&mut Watch::new(rule.clone()), shown)
}

fn whole_time_of(watch: &mut Watch, shown: &Shown) -> Option<Duration> {
    let hold = watch.rule().hold;
    run(watch, shown, Duration::ZERO, hold.saturating_sub(Duration::from_millis(1)))
        .or_else(|| run(watch, shown, hold, hold + TICK))
}

/// Looks from one moment to another, and says when it fired.
fn run(watch: &mut Watch, shown: &Shown, from: Duration, to: Duration) -> Option<Duration> {
    let mut now = from;
    while now <= to {
        if watch.look(shown, now).iter().any(|change| matches!(change, Change::Fired(_))) {
            return Some(now);
        }
        now += TICK;
    }
    None
}

/// The numbers that a rule is shown, the same for all labels.
#[derive(Default)]
struct Shown(Vec<(Measure, f64)>);

impl Readings for Shown {
    fn read(&self, measure: &Measure, by: &'static [&'static str]) -> BTreeMap<Labels, f64> {
        let labels: Labels = by.iter().map(|name| (*name, "some".to_owned())).collect();
        let value = self.0.iter().find(|(shown, _)| shown == measure).map(|(_, value)| *value);
        value.map(|value| (labels, value)).into_iter().collect()
    }
}

/// All conditions are wrong.
fn wrong(rule: &Rule) -> Shown {
    with_guards(rule, bad(&rule.when))
}

fn with_guards(rule: &Rule, value: f64) -> Shown {
    let guards = rule.and.iter().map(|guard| (guard.measure, bad(guard)));
    Shown([(rule.when.measure, value)].into_iter().chain(guards).collect())
}

fn well(rule: &Rule) -> Shown {
    with_guards(rule, good(&rule.when, rule.when.resolve))
}

fn just_below(rule: &Rule) -> Shown {
    with_guards(rule, good(&rule.when, rule.when.threshold))
}

fn hovering(rule: &Rule) -> Shown {
    with_guards(rule, f64::midpoint(rule.when.threshold, rule.when.resolve))
}

fn alone(rule: &Rule) -> Shown {
    let guards = rule.and.iter().map(|guard| (guard.measure, good(guard, guard.threshold)));
    Shown([(rule.when.measure, bad(&rule.when))].into_iter().chain(guards).collect())
}

/// A number that is just wrong.
fn bad(condition: &Condition) -> f64 {
    match condition.is {
        Comparison::Above => condition.threshold * 1.001 + 1e-6,
        Comparison::AtLeast => condition.threshold,
        Comparison::Below => condition.threshold - 1.0,
    }
}

/// The worst number that is not wrong, measured by this threshold.
fn good(condition: &Condition, threshold: f64) -> f64 {
    match condition.is {
        Comparison::Above | Comparison::Below => threshold,
        Comparison::AtLeast => threshold - 1.0,
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Breach => "breach",
            Self::TooShort => "too short",
            Self::JustBelow => "just below",
            Self::Alone => "alone",
            Self::NoData => "no data",
        })
    }
}

#[cfg(test)]
mod tests {
    use taskward_core::alert::{NAMES, Thresholds, rules};

    use super::*;

    #[test]
    fn every_rule_does_what_it_should() {
        let report = replay(&rules(&Thresholds::default()), None).expect("rules");
        let failed: Vec<_> = report.replays.iter().filter(|replay| !replay.passed).collect();
        assert!(report.passed && failed.is_empty(), "{failed:#?}");
        assert!(report.replays.len() > 3 * NAMES.len());
    }

    #[test]
    fn thresholds_of_zero_and_no_time_to_wait_work_too() {
        let thresholds =
            Thresholds { dead_tasks_max: 0, error_rate_for: Duration::ZERO, ..Thresholds::default() };
        let report = replay(&rules(&thresholds), None).expect("rules");
        let failed: Vec<_> = report.replays.iter().filter(|replay| !replay.passed).collect();
        assert!(report.passed, "{failed:#?}");
    }

    #[test]
    fn a_rule_that_does_something_else_is_found() {
        let mut rules = rules(&Thresholds::default());
        let one = replay(&rules, Some("HighLatency")).expect("the rule");
        assert!(one.passed && one.replays.iter().all(|replay| replay.rule == "HighLatency"));
        // Wrong below its threshold, but right again below that too: it never stays.
        let strange = Condition { is: Comparison::Below, ..rules[1].when };
        rules[1].when = strange;
        let report = replay(&rules, Some("ErrorRate")).expect("the rule");
        assert!(!report.passed, "{report:#?}");
        let unknown = replay(&rules, Some("HighLatencies")).expect_err("no such rule");
        assert_eq!(unknown.to_string(), "there is no rule HighLatencies");
    }
}
