//! What a worker calls: claim, heartbeat, and the reports on a lease.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Serialize;
use taskward_api::{
    ClaimAnswer, ClaimRequest, CompleteRequest, FailRequest, HeartbeatAnswer, HeartbeatRequest, Json,
    ReleaseRequest, ResultAnswer, ResultsAnswer, ResultsRequest, SettledAnswer, SnoozeRequest, Task,
};
use uuid::Uuid;

use crate::retry::Repeat;
use crate::{Client, ClientError, answer};

impl Client {
    /// Takes tasks; none when none came within `wait`.
    ///
    /// # Errors
    /// Any [`ClientError`]. After one that leaves open whether the request arrived, the service may hold
    /// tasks leased to this worker; they come back when the lease ends.
    pub async fn claim(&self, request: &ClaimRequest) -> Result<Vec<Task>, ClientError> {
        let wait = request.wait.map(|wait| wait.0);
        let call = self.post(&["api", "v1", "claim"], Repeat::Unsafe)?.json(request)?.waiting(wait);
        let claimed = self.send_raw(&call).await?;
        if claimed.status == StatusCode::NO_CONTENT {
            return Ok(Vec::new());
        }
        answer::parse::<ClaimAnswer>(self, &claimed).map(|claimed| claimed.tasks)
    }

    /// Extends a lease. One request, that takes no longer than `limit`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `lease_lost` means: stop working on the task.
    pub async fn heartbeat(
        &self,
        id: Uuid,
        request: &HeartbeatRequest,
        limit: Duration,
    ) -> Result<HeartbeatAnswer, ClientError> {
        let call = self.lease_call(id, "heartbeat", request)?.within(limit);
        let answer = self.send_once(&call).await?.success(self)?;
        answer::parse(self, &answer)
    }

    /// Reports success.
    ///
    /// # Errors
    /// Any [`ClientError`]; `lease_lost` when the lease was taken away.
    pub async fn complete(&self, id: Uuid, request: &CompleteRequest) -> Result<SettledAnswer, ClientError> {
        self.send(self.lease_call(id, "complete", request)?).await
    }

    /// Reports a failed attempt.
    ///
    /// # Errors
    /// As [`Client::complete`].
    pub async fn fail(&self, id: Uuid, request: &FailRequest) -> Result<SettledAnswer, ClientError> {
        self.send(self.lease_call(id, "fail", request)?).await
    }

    /// Puts the task off; no attempt is used.
    ///
    /// # Errors
    /// As [`Client::complete`].
    pub async fn snooze(&self, id: Uuid, request: &SnoozeRequest) -> Result<SettledAnswer, ClientError> {
        self.send(self.lease_call(id, "snooze", request)?).await
    }

    /// Gives the task back; no attempt is used.
    ///
    /// # Errors
    /// As [`Client::complete`].
    pub async fn release(&self, id: Uuid, request: &ReleaseRequest) -> Result<SettledAnswer, ClientError> {
        self.send(self.lease_call(id, "release", request)?).await
    }

    /// Reports on several leases at once. Each element is the JSON text of a
    /// [`taskward_api::ResultItem`]; the answers come in their order.
    ///
    /// # Errors
    /// Any [`ClientError`], when the request failed as a whole.
    pub async fn report(&self, results: Vec<Json>) -> Result<Vec<ResultAnswer>, ClientError> {
        let call = self.post(&["api", "v1", "results"], Repeat::Safe)?.json(&ResultsRequest { results })?;
        self.send::<ResultsAnswer>(call).await.map(|answer| answer.results)
    }

    /// Repeating a report on the same lease is recognised by the service.
    fn lease_call(
        &self,
        id: Uuid,
        verb: &str,
        request: &impl Serialize,
    ) -> Result<crate::call::Call, ClientError> {
        self.post(&["api", "v1", "tasks", &id.to_string(), verb], Repeat::Safe)?.json(request)
    }
}
