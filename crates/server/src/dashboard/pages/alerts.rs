//! The alerts: what fires, with what to do; then every rule, and who is told.

use std::cmp::Reverse;

use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};
use taskward_api::{Alert, AlertChannel, AlertState};

use super::Notice;
use crate::dashboard::layout::{
    Page, Place, Region, page as whole_page, regions as in_order, token, wide_table,
};
use crate::dashboard::texts::{Texts, fill};
use crate::dashboard::visit::{Visit, Visitor, tasks_with, url_query};
use crate::dashboard::{clock, format, rules};

/// Alerts of a rule that are shown: a hundred queues may be stuck at once, for one reason.
const SHOWN: usize = 5;

pub(in crate::dashboard) async fn page(Visit(visitor): Visit) -> Response {
    let title = Place::Alerts.name(visitor.texts);
    let body = html! { h1 { (title) } (in_order(&regions(&visitor))) };
    let (place, notice) = (Some(Place::Alerts), Notice::of(&visitor));
    whole_page(&visitor, StatusCode::OK, &Page { place, title, live: Some("/live/alerts"), notice, body })
}

/// What changes on the page.
pub(in crate::dashboard) fn regions(visitor: &Visitor) -> Vec<Region> {
    let list = visitor.app.alerts.list();
    let texts = visitor.texts;
    let firing = html! {
        (firing(visitor, &list.alerts))
        @if !list.alerts.iter().any(fires) && visitor.app.settings.alerts.enabled {
            p.blank { (texts.nothing_fires) }
        }
    };
    vec![
        Region { id: "firing", html: firing },
        Region { id: "rules", html: all(visitor, &list.alerts) },
        Region { id: "channels", html: channels(&list.channels, texts) },
    ]
}

/// Whether an alert is one to act on.
pub(in crate::dashboard) fn fires(alert: &Alert) -> bool {
    alert.state == AlertState::Firing
}

/// Whether it is one to wake somebody for.
pub(in crate::dashboard) fn is_critical(alert: &Alert) -> bool {
    alert.severity == "critical"
}

/// What fires, with what to do: the worst first, and last what somebody knows of already.
pub(super) fn firing(visitor: &Visitor, alerts: &[Alert]) -> Markup {
    let firing: Vec<&Alert> = alerts.iter().filter(|alert| fires(alert)).collect();
    let mut rules: Vec<&[&Alert]> = of_each_rule(&firing).collect();
    rules.sort_by_key(|alerts| {
        let since = alerts.iter().filter_map(|alert| alert.since).min();
        (alerts[0].silence.is_some(), Reverse(is_critical(alerts[0])), since)
    });
    html! {
        @if !visitor.app.settings.alerts.enabled {
            p.problem role="alert" { (visitor.texts.alerts_off) }
        }
        @for alerts in rules { (card(visitor, alerts)) }
    }
}

/// The alerts of each rule: they stand together. What belongs to the rule is the same in all of them.
fn of_each_rule<'a, 'b>(alerts: &'b [&'a Alert]) -> impl Iterator<Item = &'b [&'a Alert]> {
    alerts.chunk_by(|one, next| one.rule == next.rule)
}

/// A rule that is broken, with everything that whoever was woken wants to know.
fn card(visitor: &Visitor, alerts: &[&Alert]) -> Markup {
    let texts = visitor.texts;
    let Some(rule) = alerts.first() else { return html! {} };
    html! {
        section.alert.critical[is_critical(rule)].silenced[rule.silence.is_some()] aria-label=(rule.rule) {
            h2 { span.severity { (severity(rule, texts)) } " " (rule.rule) }
            @for alert in alerts.iter().take(SHOWN) {
                p.large { (labels(alert)) (with_code(&rules::description(alert, visitor.language))) }
                @if let Some(since) = alert.since {
                    p.quiet {
                        (texts.since) " " (format::moment(since))
                        " (" (format::age(since, clock::now(), texts)) ")"
                    }
                }
            }
            (more(alerts, texts))
            p { strong { (respond_within(rule, texts)) } }
            (steps(visitor, rule))
            div.actions { (silence_or_end_it(visitor, rule)) }
        }
    }
}

/// How many alerts of a rule are not shown.
fn more(alerts: &[&Alert], texts: &Texts) -> Markup {
    let more = alerts.len().saturating_sub(SHOWN);
    html! {
        @if more > 0 { p.quiet { (fill(texts.and_more, &[("count", &format::count(more as u64))])) } }
    }
}

/// What an alert is about; a queue leads to its tasks.
fn labels(alert: &Alert) -> Markup {
    html! {
        @for (name, value) in &alert.labels {
            @if name == "queue" {
                a.tag href=(tasks_with([("queue", &**value)])) { (name) "=" (value) } " "
            } @else {
                span.tag { (name) "=" (value) } " "
            }
        }
    }
}

fn respond_within(alert: &Alert, texts: &Texts) -> String {
    fill(texts.respond_within_time, &[("time", &format::seconds(alert.respond_within.0.as_secs_f64()))])
}

fn severity(alert: &Alert, texts: &Texts) -> String {
    match &*alert.severity {
        "critical" => texts.severity_critical.to_owned(),
        "warning" => texts.severity_warning.to_owned(),
        other => other.to_owned(),
    }
}

/// What to do, first things first, and where the runbook says more.
fn steps(visitor: &Visitor, alert: &Alert) -> Markup {
    let url = &*alert.runbook_url;
    let is_link = url.starts_with("https://") || url.starts_with("http://");
    html! {
        ol.steps {
            @for step in &alert.steps {
                li {
                    @if let Some(command) = &step.command { code { (command) } " " }
                    (with_code(rules::translated(&step.text, visitor.language)))
                }
            }
        }
        p.quiet {
            (visitor.texts.runbook) ": "
            @if is_link { a href=(url) rel="noreferrer" { (url) } } @else { code { (url) } }
        }
    }
}

/// A text, with what stands between backticks as code.
fn with_code(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Every rule.
fn all(visitor: &Visitor, alerts: &[Alert]) -> Markup {
    let texts = visitor.texts;
    let head = html! {
        tr {
            th scope="col" { (texts.rule) }
            th scope="col" { (texts.state) }
            @for name in [texts.value, texts.threshold] { th.number scope="col" { (name) } }
            @for name in [texts.severity, texts.respond_within, texts.message, texts.actions] {
                th scope="col" { (name) }
            }
        }
    };
    let alerts: Vec<&Alert> = alerts.iter().collect();
    let rows = html! {
        @for alerts in of_each_rule(&alerts) {
            @for (index, alert) in alerts.iter().take(SHOWN).enumerate() { (row(visitor, alert, index == 0)) }
            @if alerts.len() > SHOWN { tr { td colspan="8" { (more(alerts, texts)) } } }
        }
    };
    html! {
        section aria-labelledby="rules-title" {
            h2 #rules-title { (texts.rules) }
            (wide_table(texts.rules_caption, false, head, rows))
        }
    }
}

/// An alert; the first of a rule has what belongs to the rule.
fn row(visitor: &Visitor, alert: &Alert, first: bool) -> Markup {
    let texts = visitor.texts;
    let number = |value: Option<f64>| {
        value.and_then(|value| format::measured(value, alert.unit)).unwrap_or_else(|| "–".to_owned())
    };
    html! {
        tr {
            th.rule scope="row" { (alert.rule) " " div.about { (labels(alert)) } }
            td.standing { (state(alert, texts)) }
            td.number.some-dead[fires(alert)] { (number(alert.value)) }
            td.number { (number(Some(alert.threshold))) }
            td { (severity(alert, texts)) }
            td.moment { (format::seconds(alert.respond_within.0.as_secs_f64())) }
            td.message {
                (with_code(&rules::description(alert, visitor.language)))
                @if first {
                    details id=(format!("steps-{}", alert.rule)) {
                        summary { (texts.steps) }
                        (steps(visitor, alert))
                    }
                }
            }
            td { @if first { (silence_or_end_it(visitor, alert)) } }
        }
    }
}

fn state(alert: &Alert, texts: &Texts) -> Markup {
    let (class, name) = match alert.state {
        AlertState::Inactive => ("completed", texts.alert_inactive),
        AlertState::NoData => ("unknown", texts.no_data),
        AlertState::Pending => ("paused", texts.alert_pending),
        AlertState::Firing => ("dead", texts.alert_firing),
    };
    html! {
        span class=(format!("state state-{class}")) { (name) }
        @if let Some(since) = alert.since {
            div.quiet { (format::age(since, clock::now(), texts)) }
        }
        @if is_held_back(alert) { div.quiet { (texts.held_back) } }
    }
}

/// Whether the number alone would be wrong: then one wonders why the alert is not.
fn is_held_back(alert: &Alert) -> bool {
    // Only flags are wrong below their threshold, and they show no number.
    let shown = alert.value.filter(|value| format::measured(*value, alert.unit).is_some());
    alert.state == AlertState::Inactive && shown.is_some_and(|value| value > alert.threshold)
}

/// The way to a silence, or out of it.
fn silence_or_end_it(visitor: &Visitor, alert: &Alert) -> Markup {
    let texts = visitor.texts;
    let named = |text: &str| fill(text, &[("rule", &alert.rule)]);
    html! {
        @if let Some(silence) = &alert.silence {
            form.silence method="post" action="/alerts/unsilence" {
                (token(visitor))
                input type="hidden" name="rule" value=(alert.rule);
                span.quiet {
                    (texts.silenced_until) " " (format::moment(silence.until)) ": " (silence.reason)
                }
                button type="submit" aria-label=(named(texts.unsilence_rule)) { (texts.unsilence) }
            }
        } @else {
            @let query = url_query([("rule", &*alert.rule)]);
            a.button href=(format!("/alerts/silence?{query}")) aria-label=(named(texts.silence_rule)) {
                (texts.silence)
            }
        }
    }
}

fn channels(channels: &[AlertChannel], texts: &Texts) -> Markup {
    let head = html! {
        tr {
            th scope="col" { (texts.channel) }
            th.number scope="col" { (texts.delivered) }
            th.number scope="col" { (texts.undelivered) }
            th scope="col" { (texts.last_error) }
        }
    };
    let rows = html! {
        @for channel in channels {
            tr {
                th.name scope="row" { (channel.channel) }
                td.number { (format::count(channel.delivered)) }
                td.number.some-dead[channel.failed > 0] { (format::count(channel.failed)) }
                td.message { (channel.last_error.as_deref().unwrap_or("–")) }
            }
        }
    };
    html! {
        section aria-labelledby="channels-title" {
            h2 #channels-title { (texts.channels) }
            @if channels.is_empty() {
                p.blank { (texts.no_channels) }
            } @else {
                (wide_table(texts.channels_caption, true, head, rows))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_within_a_text_are_code() {
        let told = with_code("If so: `a <b>`.").into_string();
        assert_eq!(told, "If so: <code>a &lt;b&gt;</code>.");
        assert_eq!(with_code("plain").into_string(), "plain");
    }
}
