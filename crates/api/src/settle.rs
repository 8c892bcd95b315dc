//! Reporting what became of a task.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::HumanDuration;
use crate::batch::ItemError;
use crate::task::{Json, TaskState};

/// The task succeeded.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteRequest {
    /// From the claim.
    pub lease_token: String,
    /// What the work answered: any JSON, at most 256 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub result: Option<Json>,
}

/// The attempt failed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FailRequest {
    /// From the claim.
    pub lease_token: String,
    /// What went wrong.
    #[serde(deserialize_with = "crate::object::required")]
    pub error: ErrorReport,
    /// Whether trying again could help. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// When to try again; wins over the task's retry policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<HumanDuration>,
}

/// What went wrong in an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorReport {
    /// A short class of error: 1 to 200 characters.
    #[serde(rename = "type")]
    #[schema(min_length = 1, max_length = 200, example = "ConnectionError")]
    pub kind: String,
    /// What went wrong. Cut after 4 KiB.
    pub message: String,
    /// Where, as the worker's language prints it. Cut after 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// The task is put off; no attempt is used.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnoozeRequest {
    /// From the claim.
    pub lease_token: String,
    /// For how long.
    pub delay: HumanDuration,
}

/// The task is given back; no attempt is used, and it is available at once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// From the claim.
    pub lease_token: String,
}

/// A report that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettledAnswer {
    /// The task.
    pub id: Uuid,
    /// The state it is in now.
    pub state: TaskState,
}

/// Reports on several tasks.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultsRequest {
    /// At most 10,000.
    #[schema(value_type = Vec<ResultItem>)]
    pub results: Vec<Json>,
}

/// A report on one of several tasks.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultItem {
    /// The task.
    pub id: Uuid,
    /// From the claim.
    pub lease_token: String,
    /// What became of it.
    pub outcome: ResultOutcome,
    /// For `completed`: what the work answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub result: Option<Json>,
    /// For `failed`, and required there: what went wrong.
    #[serde(default, deserialize_with = "crate::object::optional", skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReport>,
    /// For `failed`: whether trying again could help. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// For `failed`: when to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<HumanDuration>,
    /// For `snoozed`, and required there: for how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<HumanDuration>,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResultOutcome {
    /// It succeeded.
    Completed,
    /// It failed.
    Failed,
    /// It is put off.
    Snoozed,
    /// It is given back.
    Released,
}

/// An answer for each report, in their order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResultsAnswer {
    /// The answers.
    pub results: Vec<ResultAnswer>,
}

/// What became of one report.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResultAnswer {
    /// The task, where the report named one.
    pub id: Option<Uuid>,
    /// The status the same report alone would have had: 200, 404, 409, 413, 422 or 500.
    pub status: u16,
    /// The state the task is in now, when the report was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<TaskState>,
    /// Why the report was not applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ItemError>,
}
