//! Taking tasks, and keeping them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::HumanDuration;
use crate::task::{Json, Task, Timestamp};

/// A worker asks for tasks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// Who asks: 1 to 200 characters, the same for the worker's whole life.
    #[schema(min_length = 1, max_length = 200)]
    pub worker_id: String,
    /// The queues it serves, in strict order: the second is served when the first has nothing. 1 to 50.
    #[schema(min_items = 1, max_items = 50)]
    pub queues: Vec<String>,
    /// The kinds it can do. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<String>>,
    /// How many tasks it wants at most. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, default = 1)]
    pub max: Option<i64>,
    /// How long to wait for the first task, at most 60s. Default: 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<HumanDuration>,
    /// How long each lease lasts. Default: 60s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<HumanDuration>,
}

/// The tasks a worker now holds, each with its `lease_token`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClaimAnswer {
    /// The tasks, in the order to run them.
    pub tasks: Vec<Task>,
}

/// A worker extends a lease.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatRequest {
    /// From the claim.
    pub lease_token: String,
    /// How long the lease lasts from now. Default: 60s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<HumanDuration>,
    /// How far the work is: a JSON object of at most 16 KiB. Left out: as said before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub progress: Option<Json>,
}

/// A lease that was extended.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HeartbeatAnswer {
    /// When it ends now.
    #[schema(value_type = String, format = DateTime)]
    pub lease_expires_at: Timestamp,
    /// Somebody asked the task to stop: stop, and report what became of it.
    pub cancel_requested: bool,
}
