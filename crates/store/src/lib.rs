//! Durable storage of tasks: the traits the service stands on, and their two implementations.
//!
//! [`TaskStore`] is a handful of verbs, each one atomic transition over a batch with a result per item.
//! [`StoreAdmin`] is what an operator does with the database as a whole. [`sqlite`] and [`postgres`]
//! implement both, in files of the same names; the SQL of a verb is in `<verb>.sql` beside it.
//!
//! What every implementation promises, and the conformance suite checks:
//!
//! - When a verb returns `Ok`, what it says is durable.
//! - Each transition is guarded by the state and lease it expects, and decided by
//!   [`taskward_core::transition()`].
//! - Unfinished tasks are in the hot table `tasks`, finished ones in `history`; the statement that settles
//!   a task moves it.
//! - The store's clock decides what is due and what has expired. Times travel to it as durations, except
//!   where a client named a moment.

pub mod admin;
pub mod census;
pub mod check;
pub mod error;
pub mod migrations;
pub mod open;
pub mod options;
pub mod pool;
pub mod postgres;
pub mod sqlite;
pub mod swap;
pub mod task_store;
pub mod transfer;

pub use admin::{AppliedMigration, MigrationStatus, StoreAdmin};
pub use census::{Census, Epoch, Examined, Interrupted, Since};
pub use check::{CheckOptions, CheckScope, check};
pub use error::StoreError;
pub use open::{Store, open};
pub use options::{SqliteLog, StoreOptions};
pub use pool::PoolFigures;
pub use swap::HalfSwapped;
pub use task_store::{
    ClaimDemand, EnqueueError, EnqueueMode, Enqueued, Failure, HandedOver, Heartbeat, HeartbeatError, Held,
    IdempotencyHit, OperateError, Origin, PageRequest, Promoted, Pruned, QueueSummary, Rescued, RescuedTask,
    SettleError, Settled, Settlement, SettlementOutcome, TaskFilter, TaskPage, TaskStore, WorkerSeen,
    WorkerSummary,
};
