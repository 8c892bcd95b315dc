//! What a rule is made of.

use std::time::Duration;

use super::{Labels, Measure};

/// How bad it is that a rule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Somebody should look at it within the response time.
    Warning,
    /// Users suffer: wake somebody.
    Critical,
}

impl Severity {
    /// The name as a label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// What a rule's number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A share of 1.
    Share,
    /// Pieces.
    Count,
    /// Bytes.
    Bytes,
    /// 1 for yes, 0 for no.
    Flag,
}

impl Unit {
    /// A number as people read it: `2.45s`, `15m`, `90d`, `5.3%`, `12`, `1.5GiB`, `no`.
    pub fn format(self, value: f64) -> String {
        match self {
            Self::Seconds if value >= 2.0 * DAY => format!("{}d", (value / DAY * 10.0).round() / 10.0),
            Self::Seconds if value.fract() == 0.0 || value >= 60.0 => {
                crate::duration::format(Duration::from_secs(value.max(0.0) as u64))
            }
            Self::Seconds => format!("{value:.2}s"),
            Self::Share => format!("{}%", (value * 1e4).round() / 1e2),
            Self::Count => format!("{value:.0}"),
            Self::Bytes => bytes(value),
            Self::Flag if value < 1.0 => "no".to_owned(),
            Self::Flag => "yes".to_owned(),
        }
    }
}

/// In the largest unit that it has one of, with one decimal at most.
fn bytes(value: f64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")].map(|(power, unit)| (f64::from(1u32 << power), unit));
    let (size, unit) = units.into_iter().find(|(size, _)| value >= *size).unwrap_or((1.0, "B"));
    format!("{}{unit}", (value / size * 10.0).round() / 10.0)
}

/// How a number is compared with its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Greater.
    Above,
    /// Greater, or the same.
    AtLeast,
    /// Smaller.
    Below,
}

impl Comparison {
    /// The operator, as in most languages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
        }
    }

    /// Whether it is so.
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Below => value < threshold,
        }
    }
}

/// A measure and where it is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// What is looked at.
    pub measure: Measure,
    /// On which side of the threshold it is wrong.
    pub is: Comparison,
    /// From here on it is wrong.
    pub threshold: f64,
    /// An alert that fires goes on until the number is on the right side of this one, so that one that hovers
    /// around the threshold is one alert and not many.
    pub resolve: f64,
}

impl Condition {
    /// Wrong above a threshold; right again at this share of it.
    pub fn above(measure: Measure, threshold: f64, resolve_share: f64) -> Self {
        Self { measure, is: Comparison::Above, threshold, resolve: threshold * resolve_share }
    }

    /// Without a resolve threshold of its own.
    pub fn plain(measure: Measure, is: Comparison, threshold: f64) -> Self {
        Self { measure, is, threshold, resolve: threshold }
    }

    /// The number that is nearest to being wrong, or the most wrong.
    pub fn worst(&self, values: impl Iterator<Item = f64>) -> Option<f64> {
        let worse = match self.is {
            Comparison::Above | Comparison::AtLeast => f64::max,
            Comparison::Below => f64::min,
        };
        values.filter(|value| value.is_finite()).reduce(worse)
    }

    /// Whether the number is wrong.
    pub fn holds(&self, value: f64, firing: bool) -> bool {
        self.is.holds(value, if firing { self.resolve } else { self.threshold })
    }
}

/// Something to do when a rule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What, and what to look for.
    pub text: &'static str,
    /// The command, ready to be pasted, when it is one of this program's.
    pub command: Option<&'static str>,
}

impl Step {
    /// A step that is a command.
    pub(super) const fn run(command: &'static str, text: &'static str) -> Self {
        Self { text, command: Some(command) }
    }

    /// A step that only people can do.
    pub(super) const fn hand(text: &'static str) -> Self {
        Self { text, command: None }
    }
}

/// A rule: what is wrong, for how long it must be, how bad that is, and what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name, as in the runbook: `HighLatency`.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Within which time somebody must have begun to work on it.
    pub respond_within: Duration,
    /// What is wrong, in a few words.
    pub summary: &'static str,
    /// What is wrong, with `{value}`, `{threshold}` and the names of its labels in braces.
    pub description: &'static str,
    /// The labels that make an alert of their own each.
    pub by: &'static [&'static str],
    /// Whether each instance has an alert of its own, because what is measured belongs to it alone.
    pub per_instance: bool,
    /// What the number counts.
    pub unit: Unit,
    /// What is wrong: its number is the alert's.
    pub when: Condition,
    /// What must be so too, for the same labels, or there is no alert: enough traffic, another window.
    pub and: Vec<Condition>,
    /// For how long it must have been so without a break (`for`).
    pub hold: Duration,
    /// What to do, first things first.
    pub steps: &'static [Step],
}

impl Rule {
    /// What is wrong with this group, in a sentence.
    pub fn describe(&self, labels: &Labels, value: f64) -> String {
        let text = self.description.replace("{value}", &self.unit.format(value));
        let text = text.replace("{threshold}", &self.unit.format(self.when.threshold));
        labels.iter().fold(text, |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// Where the runbook says what to do: this rule's heading in the document at that URL.
    pub fn runbook(&self, url: &str) -> String {
        format!("{url}#{}", self.name.to_lowercase())
    }

    /// The first command to run.
    pub fn first_command(&self) -> Option<&'static str> {
        self.steps.iter().find_map(|step| step.command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_on_the_wrong_side() {
        let measure = Measure::Highest(super::super::Series::all("m"));
        let values = [1.0, f64::NAN, 3.0, 2.0];
        let high = Condition::plain(measure, Comparison::Above, 2.0);
        let low = Condition::plain(measure, Comparison::Below, 2.0);
        assert_eq!(high.worst(values.into_iter()), Some(3.0));
        assert_eq!(low.worst(values.into_iter()), Some(1.0));
        assert_eq!(low.worst(std::iter::empty()), None);
    }

    #[test]
    fn numbers_are_shown_in_their_unit() {
        for (unit, value, shown) in [
            (Unit::Seconds, 2.0, "2s"),
            (Unit::Seconds, 2.449, "2.45s"),
            (Unit::Seconds, 900.0, "15m"),
            (Unit::Seconds, 901.5, "901s"),
            (Unit::Seconds, 93_600.0, "26h"),
            (Unit::Seconds, 90.0 * DAY, "90d"),
            (Unit::Seconds, 90.26 * DAY, "90.3d"),
            (Unit::Share, 0.05, "5%"),
            (Unit::Share, 0.0144, "1.44%"),
            (Unit::Count, 12.4, "12"),
            (Unit::Bytes, 512.0, "512B"),
            (Unit::Bytes, 1_048_576.0, "1MiB"),
            (Unit::Bytes, 1_610_612_736.0, "1.5GiB"),
            (Unit::Flag, 0.0, "no"),
        ] {
            assert_eq!(unit.format(value), shown);
        }
    }
}
