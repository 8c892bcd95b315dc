//! The domain of Taskward: what a task is, which states it can be in, and which transitions exist.
//!
//! Everything here is pure. No clock is read, no random number is drawn and nothing is awaited: `now` and
//! the random draw are parameters, so that every decision can be tested without a sleep and replayed from a
//! seed. The stores apply what [`transition()`] decides.

pub mod alert;
pub mod duration;
pub mod limits;
pub mod log_level;
pub mod retry;
pub mod task;
pub mod trace_context;
pub mod transition;

pub use limits::Limits;
pub use log_level::LogLevel;
pub use retry::RetryPolicy;
pub use task::{
    AttemptError, DeadReason, IdempotencyKey, Json, LastOutcome, NewTask, OnConflict, Schedule, Task, TaskId,
    TaskState, Timestamp, UniqueKey,
};
pub use trace_context::{NotATraceContext, TraceContext};
pub use transition::{Event, Outcome, Refusal, TaskStatus, transition};
