//! A worker's slot without the SDK: claims one task, completes it, over one connection.

use std::time::Duration;

use bytes::Bytes;
use hyper::{StatusCode, Uri};
use serde::Deserialize;
use taskward_client::{ClientError, HumanDuration, Json};

use super::connection::{Answer, Connection};
use super::load::{LATER, Load};

/// How long its leases last: what a slot that failed held should be back soon.
const LEASE: &str = "15s";

/// A slot.
pub(super) struct Claims<'a> {
    load: &'a Load,
    connection: Connection,
    path: Uri,
    body: Bytes,
    wait: Duration,
}

/// A claimed task.
#[derive(Debug, Deserialize)]
pub(super) struct Claimed {
    id: String,
    lease_token: String,
    pub(super) payload: Json,
}

#[derive(Deserialize)]
struct Tasks {
    tasks: Vec<Claimed>,
}

impl<'a> Claims<'a> {
    /// A slot whose claims wait that long for a task.
    pub(super) fn new(load: &'a Load, connection: Connection, wait: Duration) -> Result<Self, ClientError> {
        let path = load.target.path("/api/v1/claim")?;
        let body = format!(
            r#"{{"worker_id":"{0}","queues":["{0}"],"max":1,"wait":"{1}","lease":"{LEASE}"}}"#,
            load.queue,
            HumanDuration(wait)
        );
        Ok(Self { load, connection, path, body: body.into(), wait })
    }

    /// The next task; `None` when none came in time.
    pub(super) async fn next(&mut self) -> Result<Option<Claimed>, ClientError> {
        let answer = loop {
            let answer = self.connection.post_waiting(&self.path, self.body.clone(), self.wait).await?;
            if answer.status.is_success() {
                break answer;
            }
            self.later(&answer).await?;
        };
        if answer.status == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let claimed: Result<Tasks, _> = serde_json::from_slice(&answer.body);
        let mut claimed = claimed.map_err(|error| self.connection.not_understood(&answer, &error))?;
        Ok(claimed.tasks.pop())
    }

    /// Reports success, and says whether that was taken. It is not when the lease is over.
    pub(super) async fn complete(&mut self, task: &Claimed) -> Result<bool, ClientError> {
        let path = self.load.target.path(&format!("/api/v1/tasks/{}/complete", task.id))?;
        let body = Bytes::from(format!(r#"{{"lease_token":"{}"}}"#, task.lease_token));
        loop {
            let answer = self.connection.post(&path, body.clone()).await?;
            match answer.status {
                status if status.is_success() => {
                    self.load.ledger.complete(1);
                    return Ok(true);
                }
                StatusCode::CONFLICT | StatusCode::NOT_FOUND => return Ok(false),
                _ => self.later(&answer).await?,
            }
        }
    }

    /// Waits a little, when the service had too much to do.
    async fn later(&self, answer: &Answer) -> Result<(), ClientError> {
        if !answer.is_later() {
            return Err(self.connection.refused(answer));
        }
        self.load.ledger.refuse();
        tokio::time::sleep(LATER).await;
        Ok(())
    }
}
