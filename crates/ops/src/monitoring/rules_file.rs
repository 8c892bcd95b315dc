//! `taskward alerts rules`: the rules as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use taskward_core::alert::{self, Rule, Unit};
use taskward_core::duration;

/// A rules file of Prometheus. Its text is YAML; as JSON it is the same document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RulesFile {
    /// One group: all rules are evaluated together.
    pub groups: Vec<RuleGroup>,
}

/// Rules that are evaluated together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleGroup {
    /// Its name.
    pub name: &'static str,
    /// The rules.
    pub rules: Vec<AlertingRule>,
}

/// A rule as Prometheus takes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertingRule {
    /// The rule's name.
    pub alert: &'static str,
    /// What yields a series for each alert.
    pub expr: String,
    /// For how long it must.
    #[serde(rename = "for")]
    pub hold: String,
    /// What Alertmanager routes by.
    pub labels: BTreeMap<&'static str, String>,
    /// What people read.
    pub annotations: BTreeMap<&'static str, String>,
}

/// The rules file for these rules; each alert links to its heading in the runbook at this URL.
#[must_use]
pub fn rules_file(rules: &[Rule], runbook_url: &str) -> RulesFile {
    let rules = rules.iter().map(|rule| alerting_rule(rule, runbook_url)).collect();
    RulesFile { groups: vec![RuleGroup { name: "taskward", rules }] }
}

fn alerting_rule(rule: &Rule, runbook_url: &str) -> AlertingRule {
    let labels = [
        ("severity", rule.severity.as_str().to_owned()),
        ("respond_within", duration::format(rule.respond_within)),
    ];
    let annotations = [
        ("summary", rule.summary.to_owned()),
        ("description", description(rule)),
        ("first_step", rule.first_command().unwrap_or_default().to_owned()),
        ("runbook_url", rule.runbook(runbook_url)),
    ];
    AlertingRule {
        alert: rule.name,
        expr: alert::expression(rule),
        hold: duration::format(rule.hold),
        labels: labels.into(),
        annotations: annotations.into(),
    }
}

/// The description with Prometheus's own placeholders.
fn description(rule: &Rule) -> String {
    let value = match rule.unit {
        Unit::Seconds => "{{ $value | humanizeDuration }}",
        Unit::Share => "{{ $value | humanizePercentage }}",
        Unit::Bytes => "{{ $value | humanize1024 }}B",
        Unit::Count => "{{ printf \"%.0f\" $value }}",
        Unit::Flag => "{{ $value }}",
    };
    let text = rule.description.replace("{threshold}", &rule.unit.format(rule.when.threshold));
    let label = |text: String, name: &&str| {
        text.replace(&format!("{{{name}}}"), &format!("{{{{ $labels.{name} }}}}"))
    };
    rule.by.iter().fold(text, label).replace("{value}", value)
}

impl fmt::Display for RulesFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "# Made by `taskward alerts rules` from the configuration's section `alerts`; do not edit.\n",
        )?;
        f.write_str("groups:\n")?;
        for group in &self.groups {
            writeln!(f, "  - name: {}\n    rules:", group.name)?;
            for rule in &group.rules {
                write_rule(f, rule)?;
            }
        }
        Ok(())
    }
}

fn write_rule(f: &mut fmt::Formatter<'_>, rule: &AlertingRule) -> fmt::Result {
    writeln!(f, "      - alert: {}\n        expr: |", rule.alert)?;
    for line in rule.expr.lines() {
        writeln!(f, "          {line}")?;
    }
    writeln!(f, "        for: {}\n        labels:", rule.hold)?;
    for (name, value) in &rule.labels {
        writeln!(f, "          {name}: {}", quoted(value))?;
    }
    writeln!(f, "        annotations:")?;
    for (name, value) in &rule.annotations {
        writeln!(f, "          {name}: {}", quoted(value))?;
    }
    Ok(())
}

/// A text in single quotes, the one style of YAML in which nothing but the quote itself means anything.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use taskward_core::alert::{Thresholds, rules};

    use super::*;

    #[test]
    fn a_rule_has_all_that_somebody_on_call_needs() {
        let file = rules_file(&rules(&Thresholds::default()), "https://wiki/runbook");
        let text = file.to_string();
        for line in [
            "      - alert: DatabaseDown\n        expr: |\n          min by (job, instance) (taskward_database_up) < 1\n        for: 0s\n",
            "          respond_within: '5m'\n          severity: 'critical'\n",
            "          first_step: 'taskward health ready'\n",
            "          runbook_url: 'https://wiki/runbook#databasedown'\n",
            "P95 of requests is {{ $value | humanizeDuration }}, above 2s.",
            "file system of {{ $labels.directory }} is {{ $value | humanizePercentage }} full, more than 90%.",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert_eq!(quoted("it's"), "'it''s'");
    }
}
