//! How the service does, in figures of its own.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::HumanDuration;

/// How this instance did within the window, from samples it takes every few seconds. Null is "no data": there was
/// nothing to measure, or it cannot be read here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MetricsSummary {
    /// The window that was asked for.
    pub window: HumanDuration,
    /// The time that samples cover, in seconds: less than the window while the process is young.
    pub covered_seconds: Option<f64>,
    /// Requests.
    pub requests: RequestFigures,
    /// Tasks.
    pub tasks: TaskFigures,
    /// Look-ups in caches.
    pub cache: CacheFigures,
    /// The process and the machine it runs on.
    pub system: SystemFigures,
}

/// Requests that this instance answered; those for health and for metrics do not count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestFigures {
    /// How many.
    pub answered: Option<u64>,
    /// How many a second.
    pub per_second: Option<f64>,
    /// Half of them were answered within this many seconds.
    pub latency_p50_seconds: Option<f64>,
    /// 95 in 100 were.
    pub latency_p95_seconds: Option<f64>,
    /// 99 in 100 were.
    pub latency_p99_seconds: Option<f64>,
    /// The share that was answered with a status of 500 or more.
    pub error_ratio: Option<f64>,
    /// The share that was not.
    pub availability: Option<f64>,
}

/// Tasks: what ended at this instance, and how the queues stand.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskFigures {
    /// Tasks completed.
    pub completed: Option<u64>,
    /// Tasks given up as dead.
    pub dead: Option<u64>,
    /// Tasks completed or given up a second.
    pub per_second: Option<f64>,
    /// The share of these that was completed.
    pub success_ratio: Option<f64>,
    /// Attempts that ended, however.
    pub attempts: Option<u64>,
    /// Attempts that are tried again.
    pub retries: Option<u64>,
    /// How long completed and failed attempts ran on average, in seconds.
    pub duration_mean_seconds: Option<f64>,
    /// 95 in 100 of them ran no longer than this.
    pub duration_p95_seconds: Option<f64>,
    /// 95 in 100 tasks waited no longer than this from when they were due until a worker had them.
    pub wait_p95_seconds: Option<f64>,
    /// Tasks that run now, in all queues of the database.
    pub in_flight: Option<u64>,
    /// How long the first available task of any queue has been due.
    pub oldest_ready_age_seconds: Option<f64>,
}

/// Look-ups in caches.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CacheFigures {
    /// How many.
    pub lookups: Option<u64>,
    /// The share that found something: hits / (hits + misses).
    pub hit_ratio: Option<f64>,
}

/// The process and the machine it runs on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SystemFigures {
    /// Processors that the process has kept busy.
    pub process_cpus: Option<f64>,
    /// The process's resident memory.
    pub process_memory_bytes: Option<u64>,
    /// The process's open file descriptors.
    pub open_fds: Option<u64>,
    /// How many it may have.
    pub max_fds: Option<u64>,
    /// The share of time that the machine's processors were busy.
    pub cpu_ratio: Option<f64>,
    /// The share of memory in use: of the control group's limit where there is one, else of the machine's.
    pub memory_ratio: Option<f64>,
    /// The share of time that something waited for a processor.
    pub cpu_pressure_ratio: Option<f64>,
    /// The share of time that something waited for memory.
    pub memory_pressure_ratio: Option<f64>,
    /// The share of time that something waited for a disk.
    pub io_pressure_ratio: Option<f64>,
    /// Bytes a second that the machine's disks read and wrote.
    pub disk_bytes_per_second: Option<f64>,
    /// Bytes a second that the machine's network devices received and sent.
    pub network_bytes_per_second: Option<f64>,
    /// The share in use of the file system with the data.
    pub data_disk_ratio: Option<f64>,
    /// The share in use of its inodes.
    pub data_inodes_ratio: Option<f64>,
    /// The share in use of the file system with the log.
    pub log_disk_ratio: Option<f64>,
    /// The share in use of its inodes.
    pub log_inodes_ratio: Option<f64>,
    /// The share of the database's connections that is in use.
    pub pool_ratio: Option<f64>,
    /// How long calls waited for one on average, in seconds.
    pub pool_wait_mean_seconds: Option<f64>,
}
