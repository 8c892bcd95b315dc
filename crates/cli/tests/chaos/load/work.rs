//! Working on tasks, well and badly.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use taskward_api::{
    CompleteRequest, ErrorReport, FailRequest, HeartbeatRequest, ReleaseRequest, SnoozeRequest,
};
use taskward_client::{
    ClaimRequest, Client, ClientError, HumanDuration, Json, ResultItem, ResultOutcome, Task,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::clients::is_lease_lost;
use super::ledger::End;
use super::{Clients, Ledger};

/// For how long a failed or snoozed task waits.
const AGAIN_IN: Duration = Duration::from_millis(50);
/// After a claim that failed.
const PAUSE: Duration = Duration::from_millis(20);

/// Of a hundred attempts, how many end in a way other than being completed at once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manners {
    pub(crate) fail: u32,
    pub(crate) snooze: u32,
    pub(crate) release: u32,
    /// Are never heard of again.
    pub(crate) abandon: u32,
    /// Are completed when the lease is long over.
    pub(crate) overdue: u32,
    /// Extend the lease before they are completed.
    pub(crate) heartbeat: u32,
}

/// What a worker does with a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Complete,
    Fail,
    Snooze,
    Release,
    Abandon,
    Overdue,
    Heartbeat,
}

impl Manners {
    fn draw(&self, rng: &mut fastrand::Rng) -> Deed {
        let mut drawn = rng.u32(..100);
        for (share, deed) in [
            (self.fail, Deed::Fail),
            (self.snooze, Deed::Snooze),
            (self.release, Deed::Release),
            (self.abandon, Deed::Abandon),
            (self.overdue, Deed::Overdue),
            (self.heartbeat, Deed::Heartbeat),
        ] {
            if drawn < share {
                return deed;
            }
            drawn -= share;
        }
        Deed::Complete
    }
}

/// Somebody who works on tasks.
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) clients: Clients,
    pub(crate) queues: Vec<String>,
    pub(crate) lease: Duration,
    pub(crate) manners: Manners,
    /// Tasks it takes at once.
    pub(crate) max: i64,
}

/// An attempt the worker is about to report on.
struct Attempt {
    id: Uuid,
    lease_token: String,
    effect: usize,
    deed: Deed,
    result: Value,
}

impl Worker {
    /// Works until `stop`; every report that was begun has an answer at the end.
    pub(crate) async fn run(mut self, ledger: Rc<Ledger>, stop: CancellationToken, mut rng: fastrand::Rng) {
        while !stop.is_cancelled() {
            let asked = Instant::now();
            match self.clients.current().claim(&self.demand(&mut rng)).await {
                Ok(tasks) => self.round(&ledger, tasks, asked, &mut rng).await,
                Err(error) => {
                    // Unlike a report, a claim is not repeated: its tasks come back when their leases end.
                    ledger.outage(&error);
                    if !error.is_transient() {
                        ledger.violation(format!("a claim was refused: {error}"));
                    }
                    self.clients.next();
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn demand(&self, rng: &mut fastrand::Rng) -> ClaimRequest {
        ClaimRequest {
            worker_id: self.name.clone(),
            queues: self.queues.clone(),
            kinds: None,
            max: Some(rng.i64(1..=self.max)),
            // Short, since the worker counts its lease from when it asked.
            wait: Some(Duration::from_millis(rng.u64(0..200)).into()),
            lease: Some(self.lease.into()),
        }
    }

    /// Works on the tasks of one claim, and reports on them one by one or all together.
    async fn round(&mut self, ledger: &Ledger, tasks: Vec<Task>, asked: Instant, rng: &mut fastrand::Rng) {
        let begin = |task: Task| (ledger.began(&task, &self.name, asked, self.lease), task);
        let begun: Vec<(usize, Task)> = tasks.into_iter().map(begin).collect();
        let together = rng.u32(..100) < 40;
        let mut done = Vec::new();
        for (effect, task) in begun {
            tokio::time::sleep(Duration::from_millis(rng.u64(0..4))).await;
            let attempt = self.attempt(ledger, effect, &task, rng).await;
            match attempt {
                Some(attempt) if together => done.push(attempt),
                Some(attempt) => self.report(ledger, &attempt, rng).await,
                None => ledger.ended(effect, End::Abandoned),
            }
        }
        if !done.is_empty() {
            self.report_together(ledger, &done).await;
        }
    }

    async fn attempt(
        &mut self,
        ledger: &Ledger,
        effect: usize,
        task: &Task,
        rng: &mut fastrand::Rng,
    ) -> Option<Attempt> {
        let deed = self.manners.draw(rng);
        let lease_token = task.lease_token.clone().unwrap_or_default();
        match deed {
            Deed::Abandon => return None,
            Deed::Overdue => tokio::time::sleep(self.lease.mul_f64(1.3)).await,
            Deed::Heartbeat => self.heartbeat(ledger, effect, task.id, &lease_token).await,
            _ => {}
        }
        let finished = matches!(deed, Deed::Complete | Deed::Overdue | Deed::Heartbeat);
        ledger.reporting(effect, finished);
        let result = json!({"worker": self.name, "effect": effect, "lease": lease_token});
        Some(Attempt { id: task.id, lease_token, effect, deed, result })
    }

    async fn heartbeat(&mut self, ledger: &Ledger, effect: usize, id: Uuid, lease_token: &str) {
        let request = HeartbeatRequest {
            lease_token: lease_token.to_owned(),
            lease: Some(self.lease.into()),
            progress: None,
        };
        let asked = Instant::now();
        match self.clients.current().heartbeat(id, &request, Duration::from_secs(1)).await {
            Ok(_) => ledger.extended(effect, asked, self.lease),
            Err(error) if error.is_transient() => ledger.outage(&error),
            Err(error) if is_lease_lost(&error) => {}
            Err(error) => ledger.violation(format!("a heartbeat was refused: {error}")),
        }
    }

    async fn report(&mut self, ledger: &Ledger, attempt: &Attempt, rng: &mut fastrand::Rng) {
        let answer = self.clients.insist(ledger, async |client| attempt.send(client).await).await;
        match answer {
            Ok(()) => attempt.settled(ledger),
            Err(error) if is_lease_lost(&error) => ledger.ended(attempt.effect, End::LeaseLost),
            Err(error) => ledger.violation(format!("a report on {} was refused: {error}", attempt.id)),
        }
        let completed = ledger.facts().effects[attempt.effect].end == End::Completed;
        if completed && rng.u32(..100) < 10 {
            // The same report again has to have the same answer, whatever happened in between.
            let again = self.clients.insist(ledger, async |client| attempt.send(client).await).await;
            if let Err(error) = again {
                ledger.violation(format!("a repeated completion of {} was refused: {error}", attempt.id));
            }
        }
    }

    async fn report_together(&mut self, ledger: &Ledger, attempts: &[Attempt]) {
        let items: Vec<Json> = attempts.iter().map(|attempt| raw(&attempt.item())).collect();
        match self.clients.insist(ledger, async |client| client.report(items.clone()).await).await {
            Err(error) => ledger.violation(format!("a report on several tasks was refused: {error}")),
            Ok(answers) => {
                if answers.len() != attempts.len() {
                    ledger.violation(format!("{} answers to {} reports", answers.len(), attempts.len()));
                }
                for (answer, attempt) in answers.iter().zip(attempts) {
                    match answer.status {
                        200 => attempt.settled(ledger),
                        409 => ledger.ended(attempt.effect, End::LeaseLost),
                        status => ledger.violation(format!("{} answered {status}: {answer:?}", attempt.id)),
                    }
                }
            }
        }
    }
}

impl Attempt {
    fn settled(&self, ledger: &Ledger) {
        match self.deed {
            Deed::Fail => ledger.ended(self.effect, End::Failed),
            Deed::Snooze => ledger.ended(self.effect, End::Snoozed),
            Deed::Release => ledger.ended(self.effect, End::Released),
            _ => ledger.completed(self.effect, self.result.clone()),
        }
    }

    fn error() -> ErrorReport {
        ErrorReport { kind: "Chaos".to_owned(), message: "as planned".to_owned(), trace: None }
    }

    /// The report on its own.
    async fn send(&self, client: &Client) -> Result<(), ClientError> {
        let lease_token = self.lease_token.clone();
        let settled = match self.deed {
            Deed::Fail => {
                let request = FailRequest {
                    lease_token,
                    error: Self::error(),
                    retryable: None,
                    retry_after: Some(HumanDuration(AGAIN_IN)),
                };
                client.fail(self.id, &request).await
            }
            Deed::Snooze => {
                client.snooze(self.id, &SnoozeRequest { lease_token, delay: AGAIN_IN.into() }).await
            }
            Deed::Release => client.release(self.id, &ReleaseRequest { lease_token }).await,
            _ => {
                let request = CompleteRequest { lease_token, result: Some(raw(&self.result)) };
                client.complete(self.id, &request).await
            }
        };
        settled.map(drop)
    }

    /// The report among others.
    fn item(&self) -> ResultItem {
        let plain = ResultItem {
            id: self.id,
            lease_token: self.lease_token.clone(),
            outcome: ResultOutcome::Completed,
            result: None,
            error: None,
            retryable: None,
            retry_after: None,
            delay: None,
        };
        let again = Some(HumanDuration(AGAIN_IN));
        match self.deed {
            Deed::Fail => ResultItem {
                outcome: ResultOutcome::Failed,
                error: Some(Self::error()),
                retry_after: again,
                ..plain
            },
            Deed::Snooze => ResultItem { outcome: ResultOutcome::Snoozed, delay: again, ..plain },
            Deed::Release => ResultItem { outcome: ResultOutcome::Released, ..plain },
            _ => ResultItem { result: Some(raw(&self.result)), ..plain },
        }
    }
}

fn raw(value: &impl serde::Serialize) -> Json {
    to_raw_value(value).expect("JSON")
}
