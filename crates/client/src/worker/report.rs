//! Delivering results: in batches, until they are taken or refused.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::to_raw_value;
use taskward_api::{Json, ResultAnswer, ResultOutcome, Task};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Outcome;
use super::counts::Counts;
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
    task: Uuid,
    lease_token: String,
    outcome: ResultOutcome,
    timed_out: bool,
    item: Json,
}

impl Report {
    pub(crate) fn new(entry: Uuid, task: &Task, outcome: Outcome) -> Self {
        let lease_token = task.lease_token.clone().unwrap_or_default();
        let timed_out = matches!(&outcome, Outcome::Failed { error, .. } if error.kind == "timeout");
        let (kind, item) = write(task.id, &lease_token, outcome);
        Self { entry, task: task.id, lease_token, outcome: kind, timed_out, item }
    }

    /// Reports a failure in place of a result that the service does not take.
    fn replace(&mut self, kind: &str, why: &str) {
        let outcome = Outcome::failed_for_good(kind, why);
        (self.outcome, self.item) = write(self.task, &self.lease_token, outcome);
    }
}

fn write(task: Uuid, lease_token: &str, outcome: Outcome) -> (ResultOutcome, Json) {
    let kind = outcome.kind();
    match to_raw_value(&outcome.into_item(task, lease_token.to_owned())) {
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
            let (again, trouble) = self.deliver(batch, &mut batch_max).await;
            again.into_iter().rev().for_each(|report| waiting.push_front(report));
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
        match answer.status {
            200..=299 => self.counts.settled(report.outcome, answer.state),
            404 | 409 if report.timed_out => self.counts.settled(ResultOutcome::Failed, None),
            404 | 409 => {
                tracing::warn!(task.id = %report.task, why, "the result came too late: the lease was lost");
                self.counts.lost();
            }
            413 | 422 | 400 if report.outcome != ResultOutcome::Released => {
                // The failure in its place is short and valid; if even that is refused, give it back.
                let kind = if answer.status == 413 { "result_too_large" } else { "result_refused" };
                if report.outcome == ResultOutcome::Failed {
                    (report.outcome, report.item) =
                        write(report.task, &report.lease_token, Outcome::Released);
                } else {
                    report.replace(kind, why);
                }
                return Some(report);
            }
            408 | 429 | 500..=599 => return Some(report),
            status => {
                tracing::error!(task.id = %report.task, status, why, "the service refuses the result");
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
        tracing::error!(task.id = %report.task, "the result was not delivered; the task comes back after its lease");
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
