//! The limits of one task. They are configuration (`tasks.*`); these are the defaults.

use std::time::Duration;

/// What a single task may weigh and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the payload, as JSON text.
    pub payload_bytes_max: usize,
    /// Bytes of the result, as JSON text.
    pub result_bytes_max: usize,
    /// Bytes of `metadata` and of `progress`, each.
    pub metadata_bytes_max: usize,
    /// Tasks in one batch request, and results in one results request.
    pub batch_tasks_max: usize,
    /// Bytes of one batch request's body.
    pub batch_bytes_max: usize,
    /// Tasks handed out in one claim.
    pub claim_tasks_max: usize,
    /// The longest `wait` of a request.
    pub wait_max: Duration,
    /// The longest lease.
    pub lease_max: Duration,
    /// The longest `timeout` of a task.
    pub timeout_max: Duration,
    /// The most attempts a task may ask for.
    pub attempts_max: u32,
    /// Leases lost in a row of attempts before the task is `dead` with reason `crash_loop`.
    pub crashes_max: u32,
    /// Errors kept per task, the newest; older ones are dropped.
    pub errors_kept: usize,
    /// Tasks on one page of a listing.
    pub page_tasks_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload_bytes_max: 256 * 1024,
            result_bytes_max: 256 * 1024,
            metadata_bytes_max: 16 * 1024,
            batch_tasks_max: 10_000,
            batch_bytes_max: 64 * 1024 * 1024,
            claim_tasks_max: 1_000,
            wait_max: Duration::from_secs(60),
            lease_max: Duration::from_secs(24 * 3600),
            timeout_max: Duration::from_secs(7 * 24 * 3600),
            attempts_max: 1_000,
            crashes_max: 3,
            errors_kept: 20,
            page_tasks_max: 1_000,
        }
    }
}
