//! What travels over HTTP: requests, answers and problems, shared by the server, the CLI and the client.
//!
//! JSON in snake_case. Times are RFC 3339 in UTC, durations are strings such as `"30s"` (see
//! [`HumanDuration`]). Requests refuse unknown fields, so that a typing error is an error and not a default.

pub mod alert;
pub mod batch;
pub mod claim;
pub mod duration;
pub mod health;
pub mod log;
pub mod maintenance;
pub mod metrics;
pub mod object;
pub mod problem;
pub mod queue;
pub mod settle;
pub mod task;
pub mod worker;

pub use alert::{
    Alert, AlertChannel, AlertList, AlertState, AlertStep, AlertUnit, Silence, SilenceAnswer, SilenceRequest,
};
pub use batch::{AtomicBatch, BatchAnswer, BatchItemAnswer, BatchRequest, ItemError};
pub use claim::{ClaimAnswer, ClaimRequest, HeartbeatAnswer, HeartbeatRequest};
pub use duration::HumanDuration;
pub use health::{CheckStatus, Health, HealthCheck, HealthStatus};
pub use log::{LogLevel, LogLevels, SetLogLevel, TargetLevel};
pub use maintenance::{MaintenanceAnswer, MaintenanceMode, MaintenanceNow, SetMaintenance};
pub use metrics::{CacheFigures, MetricsSummary, RequestFigures, SystemFigures, TaskFigures};
pub use problem::{FieldError, Problem, ProblemCode};
pub use queue::{Queue, QueueDepth, QueueList, QueueRates, QueueTotals};
pub use settle::{
    CompleteRequest, ErrorReport, FailRequest, ReleaseRequest, ResultAnswer, ResultItem, ResultOutcome,
    ResultsAnswer, ResultsRequest, SettledAnswer, SnoozeRequest,
};
pub use task::{
    AttemptError, CreateTask, Json, Retry, Task, TaskListAnswer, TaskState, TraceContext, Unique,
};
pub use worker::{Worker, WorkerList};
