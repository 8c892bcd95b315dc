//! The numbers of the rules. They are configuration (`alerts.*`); these are the defaults.

use std::time::Duration;

/// From where on each rule is broken, and for how long it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds {
    /// The window of latency and of the error rate.
    pub window: Duration,
    /// Requests within the window, fewer of which say nothing about latency and errors.
    pub requests_min: u32,
    /// `HighLatency`: the P95 of requests.
    pub high_latency: Duration,
    /// `HighLatency`: for how long.
    pub high_latency_for: Duration,
    /// `ErrorRate`: 5xx answers of a hundred requests.
    pub error_rate_percent: u32,
    /// `ErrorRate`: for how long.
    pub error_rate_for: Duration,
    /// `DatabaseDown`: for how long it may be away.
    pub database_down_for: Duration,
    /// `DiskFull`, `InodesFull`: use of a file system, in percent.
    pub disk_full_percent: u32,
    /// `DiskFull`, `InodesFull`: for how long.
    pub disk_full_for: Duration,
    /// `QueueStuck`: how long the oldest available task may wait.
    pub queue_stuck: Duration,
    /// `QueueStuck`: for how long it must have been so.
    pub queue_stuck_for: Duration,
    /// `NoWorkers`: how long the oldest task of a queue may wait while none of its tasks runs.
    pub no_workers: Duration,
    /// `NoWorkers`: for how long it must have been so.
    pub no_workers_for: Duration,
    /// `DeadTasks` and `LeaseRescues`: the window in which they are counted.
    pub tasks_window: Duration,
    /// `DeadTasks`: tasks of a queue that may die within the window.
    pub dead_tasks_max: u32,
    /// `LeaseRescues`: leases of a queue's workers that may expire within the window.
    pub lease_rescues_max: u32,
    /// `ErrorBudgetBurn` and `ErrorBudgetBurnSlow`: requests of a thousand that may fail.
    pub error_budget_permille: u32,
    /// `ErrorBudgetBurn` and `ErrorBudgetBurnSlow`: for how long.
    pub error_budget_for: Duration,
    /// `KeyTooOld`: how old the API key may be.
    pub key_too_old: Duration,
    /// `BackupTooOld`: how old the last good backup may be.
    pub backup_too_old: Duration,
    /// `DrillTooOld`: how long ago the last drill that passed may be.
    pub drill_too_old: Duration,
    /// `WalArchiveLag`: how far the archive of the database's log may be behind.
    pub wal_archive_lag: Duration,
    /// `WalHeldBack`: how much log PostgreSQL may hold back for the archive, in bytes.
    pub wal_held_back: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        let (minute, second) = (Duration::from_secs(60), Duration::from_secs(1));
        Self {
            window: 5 * minute,
            requests_min: 20,
            high_latency: 2 * second,
            high_latency_for: minute,
            error_rate_percent: 5,
            error_rate_for: minute,
            database_down_for: Duration::ZERO,
            disk_full_percent: 90,
            disk_full_for: minute,
            queue_stuck: 15 * minute,
            queue_stuck_for: minute,
            no_workers: 2 * minute,
            no_workers_for: minute,
            tasks_window: 10 * minute,
            dead_tasks_max: 10,
            lease_rescues_max: 10,
            error_budget_permille: 1,
            error_budget_for: 2 * minute,
            key_too_old: 90 * 24 * 60 * minute,
            backup_too_old: 26 * 60 * minute,
            drill_too_old: 35 * 24 * 60 * minute,
            wal_archive_lag: minute,
            wal_held_back: 1 << 30,
        }
    }
}
