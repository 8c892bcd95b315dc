//! Many tasks in one request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::task::{CreateTask, Json};
use crate::{FieldError, ProblemCode};

/// Tasks to create, parsed one by one so that a bad one fails alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// The tasks, each still JSON text.
    pub tasks: Vec<Json>,
    /// All or none.
    #[serde(default)]
    pub atomic: bool,
}

/// Tasks to create, as a client writes them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchRequest)]
pub struct AtomicBatch {
    /// At most 10,000.
    pub tasks: Vec<CreateTask>,
    /// All or none: one bad task refuses the request. Default: false, a bad task fails alone.
    pub atomic: bool,
}

/// A result for each task, in their order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BatchAnswer {
    /// The results.
    pub results: Vec<BatchItemAnswer>,
}

/// What became of one task of a batch: an id, or an error.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct BatchItemAnswer {
    /// The task's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// True when the task existed before and has the same unique key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub duplicate: bool,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ItemError>,
}

/// Why one item of a request was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ItemError {
    /// The stable code, as in a problem.
    pub code: ProblemCode,
    /// What is wrong with this item.
    pub detail: String,
    /// Each field that is wrong, for `validation_failed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}
