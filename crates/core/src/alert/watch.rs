//! A rule over time: nothing, pending, firing, and back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Labels, Readings, Rule};

/// How far an alert has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is wrong, but not yet for long enough.
    Pending,
    /// It is wrong, and somebody should do something.
    Firing,
}

/// An alert as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// How far it has come.
    pub standing: Standing,
    /// The number at the last look.
    pub value: f64,
    /// Since when it has been wrong.
    pub wrong_since: Duration,
    /// Since when it has been firing.
    pub firing_since: Option<Duration>,
}

/// What changed at a look.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// An alert began to fire.
    Fired(Labels),
    /// An alert that fired is over.
    Resolved(Labels, Status),
}

/// A rule and its alerts. Moments are durations since any fixed one; they must not go back.
#[derive(Debug, Clone)]
pub struct Watch {
    rule: Rule,
    alerts: BTreeMap<Labels, Status>,
    has_data: bool,
    worst: Option<f64>,
}

impl Watch {
    /// A rule that has not been looked at yet.
    pub fn new(rule: Rule) -> Self {
        Self { rule, alerts: BTreeMap::new(), has_data: false, worst: None }
    }

    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The alerts that are pending or firing.
    pub fn alerts(&self) -> &BTreeMap<Labels, Status> {
        &self.alerts
    }

    /// Whether the last look found a number at all.
    pub fn has_data(&self) -> bool {
        self.has_data
    }

    /// The worst number that the last look found, be it wrong or not.
    pub fn worst(&self) -> Option<f64> {
        self.worst
    }

    /// Whether any alert fires.
    pub fn is_firing(&self) -> bool {
        self.alerts.values().any(|status| status.standing == Standing::Firing)
    }

    /// When the next alert that is pending fires if it stays wrong.
    pub fn due(&self) -> Option<Duration> {
        let pending = self.alerts.values().filter(|status| status.standing == Standing::Pending);
        pending.map(|status| status.wrong_since + self.rule.hold).min()
    }

    /// Looks again, and says what changed. A group without data has no alert: what nobody measures is told as
    /// such ([`Self::has_data`]), and is neither good nor bad.
    pub fn look(&mut self, readings: &dyn Readings, now: Duration) -> Vec<Change> {
        let values = readings.read(&self.rule.when.measure, self.rule.by);
        self.has_data = !values.is_empty();
        self.worst = self.rule.when.worst(values.values().copied());
        let wrong = self.wrong(readings, values);
        let mut changes = Vec::new();
        let mut before = std::mem::take(&mut self.alerts);
        for (labels, value) in wrong {
            let was = before.remove(&labels);
            let status = step(was, value, now, self.rule.hold);
            if status.firing_since == Some(now) {
                changes.push(Change::Fired(labels.clone()));
            }
            self.alerts.insert(labels, status);
        }
        let over = before.into_iter().filter(|(_, status)| status.standing == Standing::Firing);
        changes.extend(over.map(|(labels, status)| Change::Resolved(labels, status)));
        changes
    }

    /// The groups of which all conditions hold, with the alert's number.
    fn wrong(&self, readings: &dyn Readings, values: BTreeMap<Labels, f64>) -> BTreeMap<Labels, f64> {
        let firing = |labels: &Labels| {
            self.alerts.get(labels).is_some_and(|status| status.standing == Standing::Firing)
        };
        let mut wrong = values;
        wrong.retain(|labels, value| value.is_finite() && self.rule.when.holds(*value, firing(labels)));
        for guard in &self.rule.and {
            if wrong.is_empty() {
                break;
            }
            let guards = readings.read(&guard.measure, self.rule.by);
            wrong.retain(|labels, _| {
                guards.get(labels).is_some_and(|value| guard.holds(*value, firing(labels)))
            });
        }
        wrong
    }
}

/// Where an alert that is wrong now has come to.
fn step(was: Option<Status>, value: f64, now: Duration, hold: Duration) -> Status {
    let wrong_since = was.as_ref().map_or(now, |was| was.wrong_since);
    let firing_since = was.and_then(|was| was.firing_since);
    let fires = firing_since.is_some() || now.saturating_sub(wrong_since) >= hold;
    Status {
        standing: if fires { Standing::Firing } else { Standing::Pending },
        value,
        wrong_since,
        firing_since: firing_since.or(fires.then_some(now)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Measure, Thresholds, rules};
    use super::*;

    /// What each kind of measure reads.
    #[derive(Default)]
    struct Fixed {
        latency: Option<f64>,
        requests: Option<f64>,
    }

    impl Readings for Fixed {
        fn read(&self, measure: &Measure, _: &'static [&'static str]) -> BTreeMap<Labels, f64> {
            let value = match measure {
                Measure::Quantile { .. } => self.latency,
                Measure::Increase { .. } => self.requests,
                _ => None,
            };
            value.map(|value| (Labels::new(), value)).into_iter().collect()
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn high_latency() -> Watch {
        Watch::new(rules(&Thresholds::default()).remove(0))
    }

    fn slow(latency: f64) -> Fixed {
        Fixed { latency: Some(latency), requests: Some(100.0) }
    }

    #[test]
    fn it_fires_after_its_time_and_resolves_below_the_other_threshold() {
        let mut watch = high_latency();
        assert!(watch.look(&slow(2.5), seconds(0)).is_empty());
        assert_eq!(watch.alerts()[&Labels::new()].standing, Standing::Pending);
        assert_eq!(watch.due(), Some(seconds(60)));
        assert!(watch.look(&slow(2.5), seconds(59)).is_empty());
        assert_eq!(watch.look(&slow(3.0), seconds(60)), [Change::Fired(Labels::new())]);
        assert!(watch.is_firing() && watch.due().is_none());
        assert_eq!(watch.alerts()[&Labels::new()].wrong_since, seconds(0));
        // Between the two thresholds it goes on.
        assert!(watch.look(&slow(1.9), seconds(70)).is_empty());
        assert!(watch.is_firing());
        let changes = watch.look(&slow(1.7), seconds(80));
        assert!(
            matches!(&changes[..], [Change::Resolved(_, status)] if status.firing_since == Some(seconds(60)))
        );
        assert!(!watch.is_firing() && watch.alerts().is_empty());
        // And from between them it does not begin.
        assert!(watch.look(&slow(1.9), seconds(90)).is_empty());
        assert!(watch.alerts().is_empty());
        assert_eq!(watch.worst(), Some(1.9), "told though it is not wrong");
    }

    #[test]
    fn a_break_begins_the_time_anew() {
        let mut watch = high_latency();
        watch.look(&slow(2.5), seconds(0));
        assert!(watch.look(&slow(1.0), seconds(30)).is_empty(), "nobody heard of it");
        watch.look(&slow(2.5), seconds(40));
        assert!(watch.look(&slow(2.5), seconds(90)).is_empty());
        assert_eq!(watch.look(&slow(2.5), seconds(100)).len(), 1);
    }

    #[test]
    fn a_quiet_service_is_not_slow() {
        for requests in [None, Some(0.0), Some(19.0)] {
            let mut watch = high_latency();
            for at in [0, 100] {
                let reading = Fixed { latency: Some(60.0), requests };
                assert!(watch.look(&reading, seconds(at)).is_empty(), "{requests:?}");
            }
            assert!(watch.alerts().is_empty(), "{requests:?}");
        }
        let mut watch = high_latency();
        watch.look(&Fixed::default(), seconds(0));
        assert!(!watch.has_data());
        let nonsense = Fixed { latency: Some(f64::NAN), requests: Some(100.0) };
        watch.look(&nonsense, seconds(1));
        assert!(watch.alerts().is_empty() && watch.worst().is_none());
    }

    #[test]
    fn without_a_time_it_fires_at_once() {
        let mut rule = rules(&Thresholds::default()).remove(0);
        rule.hold = Duration::ZERO;
        let mut watch = Watch::new(rule);
        assert_eq!(watch.look(&slow(2.5), seconds(7)).len(), 1);
    }
}
