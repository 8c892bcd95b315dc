//! The service itself: its health, its queues, its workers.

use std::time::Duration;

use reqwest::StatusCode;
use taskward_api::{
    AlertList, Health, HumanDuration, LogLevels, MaintenanceAnswer, MetricsSummary, Problem, Queue,
    QueueList, SetLogLevel, SetMaintenance, SilenceAnswer, SilenceRequest, WorkerList,
};

use crate::retry::Repeat;
use crate::{Client, ClientError};

/// How long a probe may take: one that hangs has failed.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a probe asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeKind {
    /// Does the process answer?
    Live,
    /// Can it do its work?
    Ready,
}

/// What a probe found: the service answered.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The answer is yes (200) or no (503).
    pub passed: bool,
    /// What the service said about itself, where it said more than yes or no.
    pub health: Option<Health>,
    /// What the service refused the probe with.
    pub problem: Option<Problem>,
}

impl Client {
    /// Asks once whether the service lives or is ready.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Protocol` when something answers that is not this service.
    pub async fn probe(&self, kind: ProbeKind) -> Result<Probe, ClientError> {
        let name = match kind {
            ProbeKind::Live => "live",
            ProbeKind::Ready => "ready",
        };
        let answer = self.send_once(&self.get(&["health", name])?.within(PROBE_TIMEOUT)).await?;
        let passed = match answer.status {
            StatusCode::OK => true,
            StatusCode::SERVICE_UNAVAILABLE => false,
            _ => return Err(answer.into_error(self)),
        };
        let health = serde_json::from_slice(&answer.body).ok();
        let problem = serde_json::from_slice(&answer.body).ok();
        if !passed && health.is_none() && problem.is_none() {
            // A load balancer without a service behind it also says 503.
            return Err(answer.into_error(self));
        }
        Ok(Probe { passed, health, problem })
    }

    /// Asks once for everything that the service says about itself, be it well or not.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Protocol` when something answers that is not this service.
    pub async fn health(&self) -> Result<Health, ClientError> {
        let answer = self.send_once(&self.get(&["health"])?.within(PROBE_TIMEOUT)).await?;
        // A service that is not well answers 503, with the same document.
        serde_json::from_slice(&answer.body).map_err(|_| answer.into_error(self))
    }

    /// Checks that the service accepts this client's key.
    ///
    /// # Errors
    /// Any [`ClientError`]; `unauthorized` when it does not.
    pub async fn check_key(&self) -> Result<(), ClientError> {
        self.send_raw(&self.get(&["api", "test"])?).await.map(drop)
    }

    /// All queues.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn queues(&self) -> Result<Vec<Queue>, ClientError> {
        self.send::<QueueList>(self.get(&["api", "v1", "queues"])?).await.map(|list| list.queues)
    }

    /// One queue.
    ///
    /// # Errors
    /// Any [`ClientError`]; `not_found` when it never had a task.
    pub async fn queue(&self, name: &str) -> Result<Queue, ClientError> {
        self.send(self.get(&["api", "v1", "queues", name])?).await
    }

    /// Stops a queue from giving out tasks, until [`Client::resume_queue`], also over restarts.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn pause_queue(&self, name: &str) -> Result<Queue, ClientError> {
        self.send(self.post(&["api", "v1", "queues", name, "pause"], Repeat::Safe)?).await
    }

    /// Lets a queue give out tasks again.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn resume_queue(&self, name: &str) -> Result<Queue, ClientError> {
        self.send(self.post(&["api", "v1", "queues", name, "resume"], Repeat::Safe)?).await
    }

    /// Every alert, and who is told.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn alerts(&self) -> Result<AlertList, ClientError> {
        self.send(self.get(&["api", "v1", "alerts"])?).await
    }

    /// Has the service tell nobody of a rule for a while; another silence of the rule is replaced.
    ///
    /// # Errors
    /// Any [`ClientError`]; `not_found` when there is no such rule.
    pub async fn silence_alert(
        &self,
        rule: &str,
        request: &SilenceRequest,
    ) -> Result<SilenceAnswer, ClientError> {
        let call = self.post(&["api", "v1", "alerts", rule, "silence"], Repeat::Safe)?;
        self.send(call.json(request)?).await
    }

    /// Has the service tell of a rule again.
    ///
    /// # Errors
    /// Any [`ClientError`]; `not_found` when there is no such rule.
    pub async fn unsilence_alert(&self, rule: &str) -> Result<SilenceAnswer, ClientError> {
        self.send(self.delete(&["api", "v1", "alerts", rule, "silence"])?).await
    }

    /// How the service did within the last `window`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `validation_failed` for a window the service has no samples for.
    pub async fn metrics_summary(&self, window: Duration) -> Result<MetricsSummary, ClientError> {
        let window = HumanDuration(window).to_string();
        self.send(self.get(&["api", "v1", "metrics", "summary"])?.query("window", Some(&window))).await
    }

    /// Workers that asked lately, and what they hold.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn workers(&self) -> Result<Vec<taskward_api::Worker>, ClientError> {
        self.send::<WorkerList>(self.get(&["api", "v1", "workers"])?).await.map(|list| list.workers)
    }

    /// What the service logs now: the instance that answers.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn log_levels(&self) -> Result<LogLevels, ClientError> {
        self.send(self.get(&["api", "v1", "log", "level"])?).await
    }

    /// Logs more, or less, for a while: the instance that answers.
    ///
    /// # Errors
    /// Any [`ClientError`]; `validation_failed` when there is no such level or target.
    pub async fn set_log_level(&self, change: &SetLogLevel) -> Result<LogLevels, ClientError> {
        self.send(self.put(&["api", "v1", "log", "level"])?.json(change)?).await
    }

    /// The mode of the instance that answers, and why it is so.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn maintenance(&self) -> Result<MaintenanceAnswer, ClientError> {
        self.send(self.get(&["api", "v1", "maintenance"])?).await
    }

    /// Makes the instance that answers read-only until [`Client::end_maintenance`], also over restarts. It needs no
    /// database.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn begin_maintenance(
        &self,
        request: &SetMaintenance,
    ) -> Result<MaintenanceAnswer, ClientError> {
        self.send(self.put(&["api", "v1", "maintenance"])?.json(request)?).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn end_maintenance(&self) -> Result<MaintenanceAnswer, ClientError> {
        self.send(self.delete(&["api", "v1", "maintenance"])?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer;
    use crate::testing::{Script, reply};

    #[tokio::test]
    async fn a_probe_tells_no_from_nobody() {
        let health = r#"{"status":"unavailable","version":"1","env":"dev","instance":"i","mode":"draining",
            "uptime_seconds":1.5,"checks":[]}"#;
        let script =
            Script::start(vec![reply(503, "", health), reply(503, "", "<html>"), reply(200, "", "{}")]).await;
        let client = script.client();
        let probe = client.probe(ProbeKind::Ready).await.expect("an answer");
        assert!(!probe.passed && probe.health.is_some());
        assert!(matches!(
            client.probe(ProbeKind::Ready).await,
            Err(ClientError::Protocol { status: 503, .. })
        ));
        assert!(client.probe(ProbeKind::Live).await.expect("an answer").passed);
    }

    #[test]
    fn names_are_escaped_in_paths() {
        let client = Client::new("http://h/base", None).expect("client");
        let call = client.get(&["api", "v1", "queues", "a/b c?"]).expect("call");
        assert!(format!("{call:?}").contains("/base/api/v1/queues/a%2Fb%20c%3F"), "{call:?}");
        assert!(client.get(&["api", "v1", "queues", ".."]).is_err());
    }

    #[test]
    fn protocol_errors_are_short_and_hold_no_key() {
        let client = Client::new("http://h", Some("s3cret".into())).expect("client");
        let text = format!("Authorization: Bearer s3cret\u{1b}[31m{}", "x".repeat(1000));
        let error = answer::protocol(&client, StatusCode::BAD_GATEWAY, &text).to_string();
        assert!(!error.contains("s3cret") && !error.contains('\u{1b}') && error.len() < 400, "{error}");
    }
}
