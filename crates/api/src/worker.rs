//! Workers, as the service knows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::task::Timestamp;

/// Workers that asked for tasks in the last hour, or hold some.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkerList {
    /// The workers, by id.
    pub workers: Vec<Worker>,
}

/// A worker and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Worker {
    /// Who it is.
    pub worker_id: String,
    /// The queues it last asked for.
    pub queues: Vec<String>,
    /// The instance it last asked.
    pub instance: Option<String>,
    /// When it last asked, to within some seconds.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen_at: Option<Timestamp>,
    /// The tasks it holds, oldest first, at most 1000.
    pub running: Vec<Uuid>,
}
