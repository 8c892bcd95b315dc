//! `docs/alerts.md`: the table of rules, for people.

use std::fmt::Write;

use taskward_core::alert::{Condition, Measure, Rule, expression};
use taskward_core::duration;

/// The document, from the rules as they are by default.
#[must_use]
pub fn alerts_document(rules: &[Rule]) -> String {
    let mut out = String::from(
        "# Alerts\n\n\
         <!-- Generated from crates/core/src/alert by UPDATE_DOCS=1 cargo test -p taskward-ops; do not edit. -->\n\n\
         The service watches itself by these rules (`taskward alerts list`); Prometheus watches it by the same ones\n\
         (`taskward alerts rules`). Numbers are defaults: section `alerts` of [the configuration](CONFIG_GUIDE.md#alerts)\n\
         changes them everywhere at once. What to do is in [the runbook](runbook/monitoring.md).\n\n\
         | Alert | Severity | Respond within | Wrong | For at least | Only with | First step |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for rule in rules {
        // Writing to a text cannot fail.
        let _ = writeln!(
            out,
            "| [`{}`](#{}) | {} | {} | {} | {} | {} | `{}` |",
            rule.name,
            rule.name.to_lowercase(),
            rule.severity.as_str(),
            duration::format(rule.respond_within),
            in_words(rule, &rule.when),
            duration::format(rule.hold),
            only_with(rule),
            rule.first_command().unwrap_or_default(),
        );
    }
    rules.iter().for_each(|rule| section(&mut out, rule));
    out
}

fn only_with(rule: &Rule) -> String {
    let listed: Vec<_> = rule.and.iter().map(|guard| in_words(rule, guard)).collect();
    if listed.is_empty() { "–".to_owned() } else { listed.join(", and ") }
}

/// A condition, as people say it.
fn in_words(rule: &Rule, condition: &Condition) -> String {
    let window = |window| duration::format(window);
    let (what, shown) = match condition.measure {
        Measure::Quantile { quantile, window: over, .. } => {
            (format!("P{:.0} of {}", quantile * 100.0, window(over)), rule.unit.format(condition.threshold))
        }
        Measure::Increase { of, window: over } => {
            (format!("`{}` within {}", of.metric, window(over)), format!("{:.0}", condition.threshold))
        }
        Measure::Share { window: over, .. } => {
            (format!("5xx of {}", window(over)), rule.unit.format(condition.threshold))
        }
        Measure::Highest(of) | Measure::Lowest(of) => {
            let labels: Vec<_> = of.only.iter().map(|only| only.to_string()).collect();
            let which = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(", ")) };
            let same_unit = of.metric.ends_with("_seconds") || of.metric.ends_with("_bytes");
            let shown = if same_unit {
                rule.unit.format(condition.threshold)
            } else {
                condition.threshold.to_string()
            };
            (format!("`{}{which}`", of.metric), shown)
        }
        Measure::Used { size, .. } => {
            (format!("used share of `{}`", size.metric), rule.unit.format(condition.threshold))
        }
    };
    format!("{what} {} {shown}", condition.is.as_str())
}

fn section(out: &mut String, rule: &Rule) {
    let _ = writeln!(out, "\n## {}\n\n{}. {}\n", rule.name, rule.summary, description(rule));
    for (at, step) in rule.steps.iter().enumerate() {
        let number = at + 1;
        let _ = match step.command {
            Some(command) => writeln!(out, "{number}. `{command}` — {}", step.text),
            None => writeln!(out, "{number}. {}", step.text),
        };
    }
    if rule.when.resolve != rule.when.threshold {
        let resolve = rule.unit.format(rule.when.resolve);
        let _ = writeln!(out, "\nOnce it fires, it goes on until the number is {resolve} or less.");
    }
    let _ = writeln!(out, "\n```promql\n{}\n```", expression(rule));
}

/// The description without numbers of a moment.
fn description(rule: &Rule) -> String {
    let text = rule.description.replace("{threshold}", &rule.unit.format(rule.when.threshold));
    let text =
        rule.by.iter().fold(text, |text, name| text.replace(&format!("{{{name}}}"), &format!("`{name}`")));
    text.replace("{value}", "*value*")
}
