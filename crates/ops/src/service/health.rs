//! `taskward health live|ready`: one question, asked once or until the answer is yes.

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;
use taskward_api::{CheckStatus, Health};
use taskward_client::{Client, ClientError, Probe, ProbeKind};

/// The pause before the second question; it doubles up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// The longest pause between two questions.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What the answer came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The service says yes.
    Pass,
    /// The service says no.
    Fail,
    /// Something answers, but it does not say yes or no.
    Unknown,
    /// Nothing answers.
    Unreachable,
}

impl Verdict {
    /// The exit code of the check: 0, 3, 4 or 8.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 3,
            Self::Unknown => 4,
            Self::Unreachable => 8,
        }
    }
}

/// The result of the last question.
#[derive(Debug, Clone, Serialize)]
pub struct HealthReport {
    /// What was asked: `live` or `ready`.
    pub probe: &'static str,
    /// What the answer came to.
    pub verdict: Verdict,
    /// Who was asked.
    pub url: String,
    /// How often.
    pub attempts: u32,
    /// For how long.
    pub waited_ms: u64,
    /// Why it is not a pass.
    pub message: Option<String>,
    /// What the service says about itself, where it does.
    pub health: Option<Health>,
}

/// Asks whether the service lives or is ready; with `wait`, again and again until it says yes or the time is
/// over.
pub async fn ask(client: &Client, kind: ProbeKind, wait: Option<Duration>) -> HealthReport {
    let began = Instant::now();
    let wait = wait.unwrap_or_default();
    let mut pause = PAUSE_FIRST;
    let mut attempts = 1;
    loop {
        let (verdict, message, health) = judge(client.probe(kind).await);
        let left = wait.saturating_sub(began.elapsed());
        if verdict == Verdict::Pass || left.is_zero() {
            let waited_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let (probe, url) = (name(kind), client.url().to_owned());
            return HealthReport { probe, verdict, url, attempts, waited_ms, message, health };
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(PAUSE_MAX);
        attempts += 1;
    }
}

const fn name(kind: ProbeKind) -> &'static str {
    match kind {
        ProbeKind::Live => "live",
        ProbeKind::Ready => "ready",
    }
}

fn judge(asked: Result<Probe, ClientError>) -> (Verdict, Option<String>, Option<Health>) {
    match asked {
        Ok(probe) if probe.passed => (Verdict::Pass, None, probe.health),
        Ok(probe) => {
            let said = probe.problem.map(|problem| problem.detail);
            let message = said.or_else(|| probe.health.as_ref().map(summary));
            (Verdict::Fail, message, probe.health)
        }
        Err(error @ (ClientError::Unreachable { .. } | ClientError::TimedOut { .. })) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            (Verdict::Unreachable, Some(format!("{error}{cause}")), None)
        }
        Err(error) => (Verdict::Unknown, Some(error.to_string()), None),
    }
}

/// What is wrong, in a line.
fn summary(health: &Health) -> String {
    let failed = health.checks.iter().filter(|check| check.status != CheckStatus::Ok);
    let listed: Vec<_> = failed
        .map(|check| match &check.message {
            Some(message) => format!("{}: {message}", check.name),
            None => check.name.clone(),
        })
        .collect();
    if listed.is_empty() { format!("the service is in mode {}", health.mode) } else { listed.join("; ") }
}

impl fmt::Display for HealthReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = match self.verdict {
            Verdict::Pass => "OK",
            Verdict::Fail => "FAIL",
            Verdict::Unknown => "UNKNOWN",
            Verdict::Unreachable => "UNREACHABLE",
        };
        write!(f, "{said}: {} {}", self.url, self.probe)?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use taskward_api::{HealthCheck, HealthStatus};

    use super::*;

    fn health() -> Health {
        let check = |name: &str, status, message: Option<&str>| HealthCheck {
            name: name.to_owned(),
            status,
            latency_ms: None,
            message: message.map(ToOwned::to_owned),
        };
        Health {
            status: HealthStatus::Unavailable,
            version: "1".to_owned(),
            env: "dev".to_owned(),
            instance: "i".to_owned(),
            mode: "draining".to_owned(),
            uptime_seconds: 1.0,
            checks: vec![
                check("engine", CheckStatus::Ok, None),
                check("database", CheckStatus::Fail, Some("cannot be reached")),
                check("schema", CheckStatus::Unknown, None),
            ],
        }
    }

    #[test]
    fn a_no_says_why_and_unknown_is_no_pass() {
        let probe = Probe { passed: false, health: Some(health()), problem: None };
        let (verdict, message, _) = judge(Ok(probe));
        assert_eq!(verdict, Verdict::Fail);
        assert_eq!(message.as_deref(), Some("database: cannot be reached; schema"));
        let strange = ClientError::Protocol { url: "u".to_owned(), status: 404, detail: "d".to_owned() };
        assert_eq!(judge(Err(strange)).0, Verdict::Unknown);
        assert_eq!(
            [Verdict::Pass, Verdict::Fail, Verdict::Unknown, Verdict::Unreachable].map(Verdict::exit_code),
            [0, 3, 4, 8]
        );
    }

    #[tokio::test]
    async fn waiting_for_nobody_ends_in_time() {
        let address =
            std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("address");
        let client = Client::new(&format!("http://{address}"), None).expect("client");
        let report = ask(&client, ProbeKind::Ready, Some(Duration::from_millis(120))).await;
        assert_eq!(report.verdict, Verdict::Unreachable);
        assert!(report.attempts >= 2 && report.waited_ms >= 120, "{report:?}");
        assert!(report.to_string().starts_with("UNREACHABLE: http://127.0.0.1:"), "{report}");
    }
}
