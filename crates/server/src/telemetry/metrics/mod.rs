//! Metrics. Names and buckets are a contract with dashboards and alert rules.
//!
//! A file for each group of metrics describes them, and records or reads them; `reference.rs` puts the
//! descriptions into one table, from which `docs/metrics.md` is made. What is not in the table does not exist.

mod alerts;
mod backups;
mod cgroup;
mod collector;
mod description;
mod disk;
mod engine;
mod host;
mod http;
mod proc;
mod process;
mod queues;
mod recorder;
mod reference;
mod sample;
mod service;
mod store;
mod tasks;
mod text;
mod traces;

pub use collector::Collector;
pub use description::{Kind, Metric, Shown};
pub use disk::Directories;
pub(crate) use engine::BatchMetrics;
pub use recorder::{AlreadyInstalled, Recorder, install};
pub use reference::{all, markdown, metric};
pub use sample::{Sample, Samples, Value};
pub(crate) use tasks::TaskMetrics;
