//! The alerts as clients and channels are told of them.

use jiff::Timestamp;
use taskward_api::{Alert, AlertList, AlertState, AlertStep, HumanDuration};
use taskward_core::alert::{Labels, Rule, Standing, Status, Watch};

use super::Alerts;

impl Alerts {
    /// Every rule, and whom it is told.
    pub(crate) fn list(&self) -> AlertList {
        AlertList { alerts: self.alerts(), channels: self.0.outlets.list() }
    }

    /// What fires and is not silenced.
    pub(super) fn telling(&self) -> Vec<Alert> {
        let mut alerts = self.alerts();
        alerts.retain(|alert| alert.state == AlertState::Firing && alert.silence.is_none());
        alerts
    }

    fn alerts(&self) -> Vec<Alert> {
        let now = self.now();
        let board = self.board();
        let mut alerts = Vec::new();
        for watch in &board.watches {
            let silence = board.silences.get(watch.rule().name).filter(|silence| silence.until > now);
            let silence = silence.map(|silence| self.told_of(silence));
            let url = &self.0.settings.runbook_url;
            let one = |(labels, status): (&Labels, &Status)| {
                wrong(watch.rule(), labels, status, self.at(status.wrong_since), url)
            };
            let mut told: Vec<_> = watch.alerts().iter().map(one).collect();
            if told.is_empty() {
                told.push(nothing_wrong(watch, url));
            }
            alerts.extend(told.into_iter().map(|alert| Alert { silence: silence.clone(), ..alert }));
        }
        alerts
    }
}

fn wrong(rule: &Rule, labels: &Labels, status: &Status, since: Timestamp, runbook_url: &str) -> Alert {
    Alert {
        state: match status.standing {
            Standing::Pending => AlertState::Pending,
            Standing::Firing => AlertState::Firing,
        },
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        value: Some(status.value),
        since: Some(since),
        description: Some(rule.describe(labels, status.value)),
        ..of(rule, runbook_url)
    }
}

fn nothing_wrong(watch: &Watch, runbook_url: &str) -> Alert {
    let state = if watch.has_data() { AlertState::Inactive } else { AlertState::NoData };
    Alert { state, value: watch.worst(), ..of(watch.rule(), runbook_url) }
}

/// What is the same however a rule stands.
fn of(rule: &Rule, runbook_url: &str) -> Alert {
    let step = |step: &taskward_core::alert::Step| AlertStep {
        text: step.text.to_owned(),
        command: step.command.map(ToOwned::to_owned),
    };
    Alert {
        rule: rule.name.to_owned(),
        state: AlertState::Inactive,
        labels: std::collections::BTreeMap::new(),
        severity: rule.severity.as_str().to_owned(),
        respond_within: HumanDuration(rule.respond_within),
        value: None,
        threshold: rule.when.threshold,
        unit: rule.unit.into(),
        since: None,
        summary: rule.summary.to_owned(),
        description: None,
        steps: rule.steps.iter().map(step).collect(),
        runbook_url: rule.runbook(runbook_url),
        silence: None,
    }
}
