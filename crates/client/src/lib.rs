//! The Rust SDK of Taskward: a client for every call of the service, and a worker loop.
//!
//! [`Client`] reuses connections, bounds every call in time and repeats a call where that is safe: after
//! a refusal that says "later" (503, 429), and after a lost connection when the call cannot take effect
//! twice. Creating tasks always carries an `Idempotency-Key`, so a repeated creation creates nothing twice.
//!
//! A call belongs to the trace of OpenTelemetry's current context, where there is one, or to the one that
//! [`Client::with_trace`] names; tasks it creates then belong to it too.
//!
//! [`worker::Worker`] claims tasks, keeps their leases, runs a [`worker::Handler`] and reports the results.
//!
//! ```no_run
//! # async fn example() -> Result<(), taskward_client::ClientError> {
//! let client = taskward_client::Client::new("http://127.0.0.1:8000", None)?;
//! let task = taskward_client::CreateTask { kind: "send_email".to_owned(), ..Default::default() };
//! let created = client.enqueue(&task, None).await?;
//! # let _ = created;
//! # Ok(()) }
//! ```

mod answer;
mod call;
mod client;
mod error;
mod leases;
mod options;
mod retry;
mod service;
mod tasks;
#[cfg(test)]
mod testing;
mod tls;
mod trace;
pub mod worker;

pub use client::Client;
pub use error::ClientError;
pub use options::{ClientOptions, RetryPolicy};
pub use secrecy::SecretString;
pub use service::{Probe, ProbeKind};
pub use tasks::ListTasks;
pub use taskward_api::{
    Alert, AlertChannel, AlertList, AlertState, BatchAnswer, BatchItemAnswer, CacheFigures, ClaimRequest,
    CreateTask, ErrorReport, FieldError, Health, HumanDuration, ItemError, Json, LogLevel, LogLevels,
    MaintenanceAnswer, MaintenanceMode, MaintenanceNow, MetricsSummary, Problem, ProblemCode, Queue,
    RequestFigures, ResultAnswer, ResultItem, ResultOutcome, SetLogLevel, SetMaintenance, SilenceAnswer,
    SilenceRequest, SystemFigures, TargetLevel, Task, TaskFigures, TaskListAnswer, TaskState, TraceContext,
};
