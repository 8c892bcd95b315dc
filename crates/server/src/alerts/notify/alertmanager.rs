//! Alertmanager's API, version 2: `POST /api/v2/alerts`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use taskward_api::Alert;

use super::message::Message;

/// An alert that is not repeated for this long is over: three times the pause between two messages, and more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(4 * 60);

/// An alert as Alertmanager takes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Posted<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    annotations: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at: Option<Timestamp>,
    ends_at: Timestamp,
}

/// The body: labels tell alerts apart, so they are the same while it fires and when it is over.
pub(super) fn body(message: &Message) -> Vec<Posted<'_>> {
    let until = message.at.checked_add(FORGOTTEN_AFTER).unwrap_or(message.at);
    let firing = message.firing.iter().map(|alert| posted(message, alert, until));
    firing.chain(message.resolved.iter().map(|alert| posted(message, alert, message.at))).collect()
}

fn posted<'a>(message: &'a Message, alert: &'a Alert, ends_at: Timestamp) -> Posted<'a> {
    let respond_within = ("respond_within", alert.respond_within.to_string());
    let own = [
        ("alertname", alert.rule.as_str()),
        ("severity", alert.severity.as_str()),
        ("env", message.env.as_str()),
        ("instance", message.instance.as_str()),
    ];
    let about = alert.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let first = alert.steps.iter().find_map(|step| step.command.clone()).unwrap_or_default();
    let annotations = [
        ("summary", alert.summary.clone()),
        ("description", alert.description.clone().unwrap_or_default()),
        ("first_step", first),
        ("runbook_url", alert.runbook_url.clone()),
        respond_within,
    ];
    Posted {
        labels: about.chain(own).collect(),
        annotations: annotations.into(),
        starts_at: alert.since,
        ends_at,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::message::tests::message;
    use super::*;

    #[test]
    fn an_alert_begins_and_ends() {
        let message = message();
        let posted = serde_json::to_value(body(&message)).expect("JSON");
        let labels = json!({"alertname": "QueueStuck", "severity": "warning", "env": "prod", "instance": "one",
            "queue": "mail"});
        assert_eq!(posted[0]["labels"], labels);
        assert_eq!(posted[0]["startsAt"], "2026-11-23T04:00:00Z");
        assert_eq!(posted[0]["endsAt"], "2026-11-23T04:14:00Z");
        assert_eq!(posted[0]["annotations"]["first_step"], "taskward queue list");
        assert_eq!(posted[1]["labels"]["alertname"], "NoWorkers");
        assert_eq!(posted[1]["endsAt"], "2026-11-23T04:10:00Z");
    }
}
