//! `taskward alerts list`.

use serde_json::json;
use taskward_client::{Alert, AlertChannel, AlertList, AlertState};

use crate::commands::Ended;
use crate::context::Context;
use crate::exit::Exit;
use crate::table::table;

/// Prints every rule, what to do about those that fire, and whom the service tells.
pub(super) async fn run(context: &Context) -> Ended {
    let list = context.client()?.alerts().await.map_err(|error| context.read_failed(&error))?;
    let document = json!(list);
    context.output.result(&document, || text(&list))?;
    Ok(Exit::Ok)
}

fn text(list: &AlertList) -> String {
    let header = ["rule", "state", "value", "threshold", "severity", "about", "since", "silenced until"];
    let mut parts = vec![table(&header, list.alerts.iter().map(row))];
    parts.extend(list.alerts.iter().filter(|alert| alert.state == AlertState::Firing).map(steps));
    if !list.channels.is_empty() {
        let header = ["channel", "delivered", "failed", "last error"];
        parts.push(table(&header, list.channels.iter().map(channel_row)));
    }
    parts.join("\n\n")
}

fn row(alert: &Alert) -> Vec<String> {
    let labels: Vec<_> = alert.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let or_dash =
        |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
    vec![
        alert.rule.clone(),
        alert.state.as_str().to_owned(),
        or_dash(alert.value.and_then(|value| alert.unit.text(value))),
        or_dash(alert.unit.text(alert.threshold)),
        alert.severity.clone(),
        or_dash(Some(labels.join(", "))),
        or_dash(alert.since.map(|since| since.to_string())),
        or_dash(alert.silence.as_ref().map(|silence| format!("{} ({})", silence.until, silence.reason))),
    ]
}

/// What is wrong, and what to do about it.
fn steps(alert: &Alert) -> String {
    let what = alert.description.as_deref().unwrap_or(&alert.summary);
    let mut lines = vec![
        format!("{}: {what}", alert.rule),
        format!("  respond within {}; {}", alert.respond_within, alert.runbook_url),
    ];
    lines.extend(alert.steps.iter().enumerate().map(|(at, step)| match &step.command {
        Some(command) => format!("  {}. {command}   # {}", at + 1, step.text),
        None => format!("  {}. {}", at + 1, step.text),
    }));
    lines.join("\n")
}

fn channel_row(channel: &AlertChannel) -> Vec<String> {
    vec![
        channel.channel.clone(),
        channel.delivered.to_string(),
        channel.failed.to_string(),
        channel.last_error.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}
