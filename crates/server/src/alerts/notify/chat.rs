//! Chats: the same text in each one's envelope.

use serde_json::{Value, json};
use taskward_api::Alert;

use super::message::{Message, named};
use crate::alerts::settings::ChannelKind;

/// Alerts named in one message; of more there are only counts, since chats refuse long texts.
const NAMED_MAX: usize = 10;

/// The body for this kind of chat; `None` for what is no chat.
pub(super) fn body(kind: ChannelKind, message: &Message) -> Option<Value> {
    let text = text(message);
    match kind {
        ChannelKind::Slack => Some(json!({"text": text})),
        ChannelKind::Feishu => Some(json!({"msg_type": "text", "content": {"text": text}})),
        ChannelKind::DingTalk | ChannelKind::WeCom => {
            Some(json!({"msgtype": "text", "text": {"content": text}}))
        }
        ChannelKind::Webhook | ChannelKind::Alertmanager | ChannelKind::Email => None,
    }
}

/// What a chat says against a message that it answered with 200.
pub(super) fn refusal(kind: ChannelKind, answer: &[u8]) -> Option<String> {
    let code = match kind {
        ChannelKind::Feishu => "code",
        ChannelKind::DingTalk | ChannelKind::WeCom => "errcode",
        ChannelKind::Slack | ChannelKind::Webhook | ChannelKind::Alertmanager | ChannelKind::Email => {
            return None;
        }
    };
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    match answer[code].as_i64() {
        Some(0) => None,
        Some(number) => Some(format!("it answers {code} {number}")),
        None => Some(format!("its answer has no {code}")),
    }
}

fn text(message: &Message) -> String {
    let (firing, resolved) = (message.firing.len(), message.resolved.len());
    let mut lines = vec![message.headline()];
    lines.extend(message.firing.iter().take(NAMED_MAX).map(firing_line));
    lines.extend(message.resolved.iter().take(NAMED_MAX).map(|alert| {
        let since = alert.since.map(|since| format!(", wrong since {since}")).unwrap_or_default();
        format!("RESOLVED {}: {}{since}", named(alert), alert.summary)
    }));
    let unnamed = firing.saturating_sub(NAMED_MAX) + resolved.saturating_sub(NAMED_MAX);
    if unnamed > 0 {
        lines.push(format!("and {unnamed} more: taskward alerts list"));
    }
    lines.join("\n")
}

fn firing_line(alert: &Alert) -> String {
    let first = alert.steps.iter().find_map(|step| step.command.as_deref()).unwrap_or("taskward alerts list");
    format!(
        "{} {}: {} Respond within {}. First: {first}. More: {}",
        alert.severity.to_uppercase(),
        named(alert),
        alert.description.as_deref().unwrap_or(&alert.summary),
        alert.respond_within,
        alert.runbook_url,
    )
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::{alert, message};
    use super::*;

    const TEXT: &str = "Taskward prod one: 1 firing, 1 resolved\n\
        WARNING QueueStuck (queue=mail): Tasks of queue mail wait. Respond within 30m. \
        First: taskward queue list. More: https://wiki/runbook#QueueStuck\n\
        RESOLVED NoWorkers (queue=mail): Tasks wait, wrong since 2026-11-23T04:00:00Z";

    #[test]
    fn every_chat_has_its_envelope() {
        let of = |kind| body(kind, &message()).expect("a chat");
        assert_eq!(of(ChannelKind::Slack), json!({"text": TEXT}));
        assert_eq!(of(ChannelKind::Feishu), json!({"msg_type": "text", "content": {"text": TEXT}}));
        let content = json!({"msgtype": "text", "text": {"content": TEXT}});
        assert_eq!(of(ChannelKind::DingTalk), content);
        assert_eq!(of(ChannelKind::WeCom), content);
    }

    #[test]
    fn a_chat_that_says_200_may_mean_no() {
        assert_eq!(refusal(ChannelKind::Slack, b"ok"), None);
        assert_eq!(refusal(ChannelKind::DingTalk, br#"{"errcode":0,"errmsg":"ok"}"#), None);
        let refused =
            refusal(ChannelKind::DingTalk, br#"{"errcode":310000,"errmsg":"keywords not in content"}"#);
        assert_eq!(refused.as_deref(), Some("it answers errcode 310000"));
        assert_eq!(refusal(ChannelKind::Feishu, br#"{"code":0}"#), None);
        assert!(refusal(ChannelKind::WeCom, b"<html>").is_some());
    }

    #[test]
    fn many_alerts_are_a_short_text() {
        let mut many = message();
        many.firing = (0..500).map(|at| alert(&format!("R{at}"))).collect();
        let text = text(&many);
        assert!(text.len() < 4000 && text.ends_with("and 490 more: taskward alerts list"), "{text}");
    }
}
