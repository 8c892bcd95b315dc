//! After a start: does the process run, does it answer 200, is its log clean, are its figures as they should be?

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use taskward_api::{AlertState, Health};
use taskward_client::{Client, ProbeKind};

use super::checklist::{Check, Checklist};
use crate::CheckVerdict;
use crate::logs::{self, Filter, GroupBy};
use crate::service::{self, HealthReport, Verdict};

/// What is looked at.
#[derive(Debug, Clone)]
pub struct StartSettings {
    /// The log's file on this machine; none where the service logs to standard output only.
    pub log: Option<PathBuf>,
    /// How long the service may take to be ready.
    pub wait: Duration,
    /// The time of day.
    pub now: Timestamp,
}

/// Goes through the list.
pub async fn start(client: &Client, settings: &StartSettings) -> Checklist {
    let ready = service::ask(client, ProbeKind::Ready, Some(settings.wait)).await;
    let live = service::ask(client, ProbeKind::Live, None).await;
    let health = client.health().await.ok();
    let process = process(&live, health.as_ref());
    let began = health.as_ref().and_then(|health| {
        let up = Duration::try_from_secs_f64(health.uptime_seconds).ok()?;
        settings.now.checked_sub(up).ok()
    });
    let checks = vec![process, readiness(&ready), log(settings, began), metrics(client).await];
    Checklist::of("start", client.url(), checks)
}

fn judged(verdict: Verdict) -> CheckVerdict {
    match verdict {
        Verdict::Pass => CheckVerdict::Pass,
        Verdict::Unknown => CheckVerdict::Unknown,
        // After a start that nothing answers is an answer.
        Verdict::Fail | Verdict::Unreachable => CheckVerdict::Fail,
    }
}

fn process(live: &HealthReport, health: Option<&Health>) -> Check {
    let verdict = judged(live.verdict);
    let evidence = match (health, &live.message) {
        (Some(health), _) if verdict == CheckVerdict::Pass => {
            let (instance, version, up) = (&health.instance, &health.version, health.uptime_seconds);
            format!("{instance} answers, version {version}, up for {up:.0} s")
        }
        (_, Some(message)) => message.clone(),
        _ => format!("{} answers", live.url),
    };
    let next = (verdict != CheckVerdict::Pass).then(|| "taskward config check".to_owned());
    Check { id: "process", claim: "the process runs", verdict, evidence, next }
}

fn readiness(ready: &HealthReport) -> Check {
    let verdict = judged(ready.verdict);
    let evidence = ready.message.clone().unwrap_or_else(|| "200, every check is ok".to_owned());
    let next = (verdict != CheckVerdict::Pass).then(|| "taskward health ready --wait 30s".to_owned());
    Check { id: "health", claim: "health checks answer 200", verdict, evidence, next }
}

/// What was logged since the start.
fn log(settings: &StartSettings, began: Option<Timestamp>) -> Check {
    let (verdict, evidence) = match (&settings.log, began) {
        (None, _) => {
            (CheckVerdict::Unknown, "it logs to no file here: whoever started it has the log".to_owned())
        }
        (_, None) => (CheckVerdict::Unknown, "nobody knows since when it runs".to_owned()),
        (Some(file), Some(since)) => {
            let filter = Filter { since: Some(since), ..Filter::default() };
            match logs::errors(file, &filter, GroupBy::ErrorType) {
                Err(error) => (CheckVerdict::Unknown, error.to_string()),
                Ok(report) => errors(&report),
            }
        }
    };
    let next = (verdict != CheckVerdict::Pass).then(|| "taskward log errors --since 15m".to_owned());
    Check { id: "log", claim: "the log has no errors", verdict, evidence, next }
}

fn errors(report: &logs::ErrorReport) -> (CheckVerdict, String) {
    match report.groups.first() {
        Some(most) => {
            let (errors, count) = (report.errors, most.count);
            (CheckVerdict::Fail, format!("{errors} errors since the start, {count} of them {}", most.key))
        }
        // The start itself is logged: a log without any entry is another's, or is not read to its end.
        None if report.entries == 0 || !report.damages.is_empty() => {
            (CheckVerdict::Unknown, "no entry since the start can be read".to_owned())
        }
        None => (CheckVerdict::Pass, format!("{} entries since the start, no error", report.entries)),
    }
}

/// Whether it measures, and what it thinks of what it measured.
async fn metrics(client: &Client) -> Check {
    let (verdict, evidence) = match client.alerts().await {
        Err(error) => (CheckVerdict::Unknown, error.to_string()),
        Ok(list) => {
            let names = |state| {
                let alerts = list.alerts.iter().filter(move |alert| alert.state == state);
                alerts.map(|alert| alert.rule.as_str()).collect::<Vec<_>>()
            };
            let (firing, measured) = (names(AlertState::Firing), names(AlertState::Inactive));
            if !firing.is_empty() {
                (CheckVerdict::Fail, format!("alerts fire: {}", firing.join(", ")))
            } else if measured.is_empty() {
                (CheckVerdict::Unknown, "nothing has been measured yet".to_owned())
            } else {
                let (well, all) = (measured.len(), list.alerts.len());
                (CheckVerdict::Pass, format!("no alert fires; {well} of {all} rules have data and are well"))
            }
        }
    };
    let next = (verdict != CheckVerdict::Pass).then(|| "taskward alerts list".to_owned());
    Check { id: "metrics", claim: "its figures are as they should be", verdict, evidence, next }
}
