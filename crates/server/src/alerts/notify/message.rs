//! What is told, before it is put into anybody's words.

use jiff::Timestamp;
use taskward_api::Alert;
use uuid::Uuid;

/// Some alerts, for somebody.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// The same for every attempt to deliver it.
    pub(super) id: Uuid,
    /// When it was made.
    pub(super) at: Timestamp,
    /// `dev`, `staging` or `prod`.
    pub(super) env: String,
    /// Who says so.
    pub(super) instance: String,
    /// All that fires.
    pub(super) firing: Vec<Alert>,
    /// What was told and is over.
    pub(super) resolved: Vec<Alert>,
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use taskward_api::{AlertState, AlertStep, AlertUnit, HumanDuration};

    use super::*;

    /// An alert that fires.
    pub(in super::super) fn alert(rule: &str) -> Alert {
        Alert {
            rule: rule.to_owned(),
            state: AlertState::Firing,
            labels: [("queue".to_owned(), "mail".to_owned())].into(),
            severity: "warning".to_owned(),
            respond_within: HumanDuration(Duration::from_secs(1800)),
            value: Some(2.5),
            threshold: 2.0,
            unit: AlertUnit::Seconds,
            since: "2026-11-23T04:00:00Z".parse().ok(),
            summary: "Tasks wait".to_owned(),
            description: Some("Tasks of queue mail wait.".to_owned()),
            steps: vec![AlertStep {
                text: "Is it paused?".to_owned(),
                command: Some("taskward queue list".to_owned()),
            }],
            runbook_url: format!("https://wiki/runbook#{rule}"),
            silence: None,
        }
    }

    /// A message with an alert that fires and one that is over.
    pub(in super::super) fn message() -> Message {
        Message {
            id: Uuid::nil(),
            at: "2026-11-23T04:10:00Z".parse().expect("a moment"),
            env: "prod".to_owned(),
            instance: "one".to_owned(),
            firing: vec![alert("QueueStuck")],
            resolved: vec![Alert { state: AlertState::Inactive, ..alert("NoWorkers") }],
        }
    }
}
