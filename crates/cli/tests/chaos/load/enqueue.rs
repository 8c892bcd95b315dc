//! Creating tasks, each under a key of its own, until each is acknowledged.

use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use serde_json::value::to_raw_value;
use taskward_client::{CreateTask, HumanDuration};
use tokio_util::sync::CancellationToken;

use super::{Clients, Ledger};

/// How often an acknowledged creation is sent once more, as by a client that did not see the answer.
const REPEATED: f64 = 0.1;

/// Somebody who creates tasks.
pub(crate) struct Enqueuer {
    pub(crate) name: String,
    pub(crate) clients: Clients,
    pub(crate) queues: Vec<String>,
    /// Milliseconds between two requests.
    pub(crate) pause_ms: Range<u64>,
    /// Tasks in one request; 1 creates them alone.
    pub(crate) batch: usize,
    /// The share of tasks that are to wait a little.
    pub(crate) delayed: f64,
}

impl Enqueuer {
    /// Creates tasks until `stop`; every creation that was begun is acknowledged at the end.
    pub(crate) async fn run(mut self, ledger: Rc<Ledger>, stop: CancellationToken, mut rng: fastrand::Rng) {
        let mut number = 0;
        while !stop.is_cancelled() {
            number += 1;
            let key = format!("{}-{number}", self.name);
            let tasks: Vec<CreateTask> =
                (0..self.batch).map(|index| self.task(&key, index, &mut rng)).collect();
            let atomic = rng.bool();
            self.create(&ledger, &key, &tasks, atomic).await;
            if rng.f64() < REPEATED {
                self.create(&ledger, &key, &tasks, atomic).await;
            }
            let pause = Duration::from_millis(rng.u64(self.pause_ms.clone()));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    fn task(&self, key: &str, index: usize, rng: &mut fastrand::Rng) -> CreateTask {
        let queue = rng.choice(&self.queues).expect("a queue").clone();
        let delay = (rng.f64() < self.delayed).then(|| Duration::from_millis(rng.u64(50..500)).into());
        let payload = to_raw_value(&json!({"key": key, "index": index})).expect("a payload");
        CreateTask { priority: Some(rng.i64(1..=9)), delay, payload: Some(payload), ..chaos_task(queue) }
    }

    async fn create(&mut self, ledger: &Ledger, key: &str, tasks: &[CreateTask], atomic: bool) {
        (0..tasks.len()).for_each(|index| ledger.asked(format!("{key}#{index}")));
        let ids = if let [task] = tasks {
            let call = async |client: &taskward_client::Client| client.enqueue(task, Some(key)).await;
            self.clients.insist(ledger, call).await.map(|task| vec![Some(task.id)])
        } else {
            let call =
                async |client: &taskward_client::Client| client.enqueue_batch(tasks, atomic, Some(key)).await;
            let answer = self.clients.insist(ledger, call).await;
            answer.map(|answer| answer.results.into_iter().map(|result| result.id).collect())
        };
        match ids {
            Err(error) => ledger.violation(format!("the creation {key} was refused: {error}")),
            Ok(ids) => {
                if ids.len() != tasks.len() {
                    ledger.violation(format!("{key}: {} answers for {} tasks", ids.len(), tasks.len()));
                }
                for (index, (id, task)) in ids.into_iter().zip(tasks).enumerate() {
                    let queue = task.queue.as_deref().unwrap_or("default");
                    match id {
                        Some(id) => ledger.created(&format!("{key}#{index}"), queue, id),
                        None => ledger.violation(format!("{key}#{index} was refused")),
                    }
                }
            }
        }
    }
}

/// A task that survives whatever the tests do: they kill on purpose, and are not to be taken for a task that
/// kills its workers, or for one that always fails.
pub(crate) fn chaos_task(queue: String) -> CreateTask {
    let ms = |ms| Some(HumanDuration(Duration::from_millis(ms)));
    CreateTask {
        kind: "chaos".to_owned(),
        queue: Some(queue),
        max_attempts: Some(1_000),
        retry: Some(taskward_api::Retry { initial: ms(50), max: ms(200), ..Default::default() }),
        ..CreateTask::default()
    }
}
