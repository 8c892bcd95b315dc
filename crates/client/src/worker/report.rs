//! Delivering results: in batches, until they are taken or refused.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::to_raw_value;
use taskward_api::{Json, ResultAnswer, ResultOutcome};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Outcome;
use super::counts::Counts;
use super::leased::Leased;
use super::running::Running;
use crate::retry::backoff;
use crate::{Client, ClientError, RetryPolicy};

/// Reports in one request.
const BATCH_REPORTS: usize = 1_000;
/// Bytes of reports in one request, unless a single one is larger.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// A result that is to be delivered.
#[derive(Debug)]
pub(crate) struct Report {
    entry: Uuid,
    leased: Arc<Leased>,
    outcome: ResultOutcome,
    timed_out: bool,
    item: Json,
}

impl Report {
    pub(crate) fn new(entry: Uuid, leased: Arc<Leased>, outcome: Outcome) -> Self {
        let timed_out = matches!(&outcome, Outcome::Failed { error, .. } if error.kind == "timeout");
        let (kind, item) = write(&leased, outcome);
        Self { entry, leased, outcome: kind, timed_out, item }
    }

    /// Reports a failure in place of a result that the service does not take.
    fn replace(&mut self, kind: &str, why: &str) {
        let outcome = Outcome::failed_for_good(kind, why);
        (self.outcome, self.item) = write(&self.leased, outcome);
    }
}

fn write(leased: &Leased, outcome: Outcome) -> (ResultOutcome, Json) {
    let kind = outcome.kind();
    match to_raw_value(&outcome.into_item(leased.task, leased.lease_token.clone())) {
        Ok(item) => (kind, item),
        // Strings, numbers and JSON text always can be written.
        Err(error) => unreachable!("a report that cannot be written: {error}"),
    }
}

/// Delivers results.
#[derive(Debug)]
pub(crate) struct Reporter {
    pub(crate) client: Client,
    pub(crate) running: Arc<Running>,
    pub(crate) counts: Arc<Counts>,
    /// Cancelled when waiting for the service any longer is no use.
    pub(crate) give_up: CancellationToken,
}

impl Reporter {
    /// Delivers until nobody sends any more and everything is delivered, or until it has to give up.
    pub(crate) async fn run(self, mut inbox: mpsc::Receiver<Report>) {
        let mut waiting = VecDeque::new();
        let mut failures = 0;
        let mut batch_max = BATCH_REPORTS;
        loop {
            if waiting.is_empty() {
                match inbox.recv().await {
                    Some(report) => waiting.push_back(report),
                    None => return,
                }
            }
            while let Ok(report) = inbox.try_recv() {
                waiting.push_back(report);
            }
            let batch = take_batch(&mut waiting, batch_max);
            let sent = batch.len();
            let (again, trouble) = self.deliver(batch, &mut batch_max).await;
            again.into_iter().rev().for_each(|report| waiting.push_front(report));
            if failures > 0 && trouble.is_none() {
                tracing::warn!(results = sent, "results that had to wait are delivered");
            }
            failures = if trouble.is_some() { failures + 1 } else { 0 };
            if let Some(asked) = trouble
                && !self.pause(asked, failures).await
            {
                inbox.close();
                while let Some(report) = inbox.recv().await {
                    waiting.push_back(report);
                }
                waiting.iter().for_each(|report| self.abandon(report));
                return;
            }
        }
    }

    /// Sends a batch. Returns the reports to send again and, when a pause is due first, how long the
    /// service asked for.
    async fn deliver(&self, batch: Vec<Report>, batch_max: &mut usize) -> (Vec<Report>, Option<Duration>) {
        let items = batch.iter().map(|report| report.item.clone()).collect();
        let answered = tokio::select! {
            biased;
            answered = self.client.report(items) => answered,
            () = self.give_up.cancelled() => return (batch, Some(Duration::ZERO)),
        };
        match answered {
            Ok(answers) if answers.len() == batch.len() => {
                let again: Vec<_> = batch
                    .into_iter()
                    .zip(answers)
                    .filter_map(|(report, answer)| self.settle(report, &answer))
                    .collect();
                let trouble = (!again.is_empty()).then_some(Duration::ZERO);
                (again, trouble)
            }
            Ok(_) => (batch, Some(Duration::ZERO)),
            Err(error) => self.refused(batch, &error, batch_max),
        }
    }

    /// Takes note of the answer to one report. Returns the report when it has to be sent again.
    fn settle(&self, mut report: Report, answer: &ResultAnswer) -> Option<Report> {
        let why = answer.error.as_ref().map_or("", |error| error.detail.as_str());
        let Leased { task, queue, kind, attempt, trace_id, .. } = &*report.leased;
        match answer.status {
            200..=299 => self.counts.settled(report.outcome, answer.state),
            404 | 409 if report.timed_out => self.counts.settled(ResultOutcome::Failed, None),
            404 | 409 => {
                tracing::warn!(
                    task.id = %task, queue, kind, attempt, trace.id = trace_id, why,
                    "the result came too late: the lease was lost"
                );
                self.counts.lost();
            }
            413 | 422 | 400 if report.outcome != ResultOutcome::Released => {
                // The failure in its place is short and valid; if even that is refused, give it back.
                let error = if answer.status == 413 { "result_too_large" } else { "result_refused" };
                if report.outcome == ResultOutcome::Failed {
                    (report.outcome, report.item) = write(&report.leased, Outcome::Released);
                } else {
                    report.replace(error, why);
                }
                return Some(report);
            }
            408 | 429 | 500..=599 => return Some(report),
            status => {
                tracing::error!(
                    task.id = %task, queue, kind, attempt, trace.id = trace_id, status, why,
                    "the service refuses the result"
                );
                self.counts.undelivered();
            }
        }
        self.running.remove(report.entry);
        None
    }

    /// The request failed as a whole.
    fn refused(
        &self,
        mut batch: Vec<Report>,
        error: &ClientError,
        batch_max: &mut usize,
    ) -> (Vec<Report>, Option<Duration>) {
        let too_large = matches!(error, ClientError::Problem { problem, .. } if problem.status == 413);
        if too_large && batch.len() > 1 {
            *batch_max = (batch.len() / 2).max(1);
            return (batch, None);
        }
        if too_large && batch[0].outcome == ResultOutcome::Completed {
            batch[0].replace("result_too_large", &error.to_string());
            return (batch, None);
        }
        tracing::warn!(%error, results = batch.len(), "results wait to be delivered");
        (batch, Some(error.retry_after().unwrap_or_default()))
    }

    /// Waits before the next request. False when it is time to give up.
    async fn pause(&self, asked: Duration, failures: u32) -> bool {
        let delay = backoff(&RetryPolicy::default(), failures, fastrand::f64());
        let delay = delay + asked.min(Duration::from_secs(30));
        tokio::select! {
            () = self.give_up.cancelled() => false,
            () = tokio::time::sleep(delay) => true,
        }
    }

    fn abandon(&self, report: &Report) {
        let Leased { task, queue, kind, attempt, trace_id, .. } = &*report.leased;
        tracing::error!(
            task.id = %task, queue, kind, attempt, trace.id = trace_id,
            "the result was not delivered; the task comes back after its lease"
        );
        self.counts.undelivered();
        self.running.remove(report.entry);
    }
}

/// The first reports that fit into one request.
fn take_batch(waiting: &mut VecDeque<Report>, batch_max: usize) -> Vec<Report> {
    let mut bytes = 0;
    let fitting = waiting.iter().take(batch_max).take_while(|report| {
        bytes += report.item.get().len();
        bytes <= BATCH_BYTES
    });
    let count = fitting.count().max(1).min(waiting.len());
    waiting.drain(..count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Script, Step, reply};
    use crate::worker::CountsNow;

    const DRAINING: &str = r#"{"type":"urn:taskward:problem:draining","title":"t","status":503,"detail":"d",
        "code":"draining"}"#;
    const TOO_LARGE: &str = r#"{"type":"urn:taskward:problem:payload_too_large","title":"t","status":413,
        "detail":"d","code":"payload_too_large"}"#;

    fn results(statuses: &[u16]) -> Step {
        let listed: Vec<_> =
            statuses.iter().map(|status| format!(r#"{{"id":null,"status":{status}}}"#)).collect();
        reply(200, "", &format!(r#"{{"results":[{}]}}"#, listed.join(",")))
    }

    /// Delivers as many successes as asked for to a scripted service. Returns the counts and the bodies sent.
    async fn deliver(reports: usize, steps: Vec<Step>, give_up: bool) -> (CountsNow, Vec<String>) {
        let script = Script::start(steps).await;
        let (counts, token) = (Arc::new(Counts::default()), CancellationToken::new());
        let reporter = Reporter {
            client: script.client().with_retry(RetryPolicy::never()),
            running: Arc::new(Running::new(Duration::from_secs(60))),
            counts: Arc::clone(&counts),
            give_up: token.clone(),
        };
        let (sender, inbox) = mpsc::channel(reports);
        let task = crate::worker::test_task();
        for _ in 0..reports {
            let report = Report::new(Uuid::now_v7(), Arc::new(Leased::of(&task)), Outcome::Completed(None));
            sender.send(report).await.expect("room");
        }
        drop(sender);
        if give_up {
            token.cancel();
        }
        reporter.run(inbox).await;
        let body = |request: String| request.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        (counts.now(), script.seen().into_iter().filter_map(body).collect())
    }

    #[tokio::test]
    async fn what_waits_goes_together_and_again_until_it_is_taken() {
        let steps = vec![reply(503, "retry-after: 0\r\n", DRAINING), Step::Cut, results(&[200, 200, 200])];
        let (counts, sent) = deliver(3, steps, false).await;
        assert_eq!(counts, CountsNow { completed: 3, ..CountsNow::default() });
        assert_eq!(sent.len(), 3);
        assert!(
            sent.iter().all(|body| *body == sent[0] && body.matches("lease_token").count() == 3),
            "{sent:?}"
        );
    }

    #[tokio::test]
    async fn each_result_has_its_own_answer() {
        let (counts, sent) =
            deliver(4, vec![results(&[200, 409, 503, 413]), results(&[200, 200])], false).await;
        assert_eq!(counts, CountsNow { completed: 2, lost: 1, failed: 1, ..CountsNow::default() });
        assert!(
            sent[1].contains("result_too_large") && sent[1].contains(r#""retryable":false"#),
            "{}",
            sent[1]
        );
    }

    #[tokio::test]
    async fn a_request_that_is_too_large_is_divided() {
        let steps = vec![reply(413, "", TOO_LARGE), results(&[200]), results(&[200])];
        let (counts, sent) = deliver(2, steps, false).await;
        assert_eq!(counts.completed, 2);
        assert_eq!(
            sent.iter().map(|body| body.matches("lease_token").count()).collect::<Vec<_>>(),
            [2, 1, 1]
        );
    }

    #[tokio::test]
    async fn at_the_end_of_hope_results_are_counted_as_undelivered() {
        let (counts, _) = deliver(2, vec![Step::Cut], true).await;
        assert_eq!(counts, CountsNow { undelivered: 2, ..CountsNow::default() });
    }
}
