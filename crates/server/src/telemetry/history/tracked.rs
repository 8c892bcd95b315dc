//! Which metrics are kept, and what of their labels.

use super::kept::Labels;
use crate::telemetry::metrics::Sample;

/// A metric that is kept.
pub(super) struct Tracked {
    pub(super) name: &'static str,
    /// The labels that tell its series apart here.
    pub(super) labels: &'static [&'static str],
    /// Where a counter stood before its first sample.
    pub(super) before: Before,
}

/// Where a counter stood before its first sample.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Before {
    /// At nought: it counts what this process does.
    Nought,
    /// Nobody knows: the machine was counting before this process began.
    Unknown,
}

const fn ours(name: &'static str, labels: &'static [&'static str]) -> Tracked {
    Tracked { name, labels, before: Before::Nought }
}

const fn machine(name: &'static str, labels: &'static [&'static str]) -> Tracked {
    Tracked { name, labels, before: Before::Unknown }
}

/// What is kept: the golden signals, the signals of tasks, and what saturates.
pub(super) const TRACKED: &[Tracked] = &[
    ours("taskward_http_request_duration_seconds", &["route", "status"]),
    ours("taskward_tasks_created_total", &[]),
    ours("taskward_tasks_finished_total", &["queue", "state"]),
    ours("taskward_attempts_total", &["outcome"]),
    ours("taskward_attempt_duration_seconds", &["outcome"]),
    ours("taskward_task_wait_seconds", &[]),
    ours("taskward_task_retries_total", &["by"]),
    ours("taskward_leases_rescued_total", &["queue", "reason"]),
    ours("taskward_queue_tasks", &["queue", "state"]),
    ours("taskward_queue_oldest_ready_age_seconds", &["queue"]),
    ours("taskward_workers_active", &["queue"]),
    ours("taskward_workers_waiting", &["queue"]),
    ours("taskward_engine_pending_items", &[]),
    ours("taskward_engine_pending_bytes", &[]),
    ours("taskward_store_pool_connections", &["state"]),
    ours("taskward_store_pool_connections_max", &[]),
    ours("taskward_store_pool_acquired_total", &[]),
    ours("taskward_store_pool_wait_seconds_total", &[]),
    ours("process_cpu_seconds_total", &[]),
    ours("process_resident_memory_bytes", &[]),
    ours("process_open_fds", &[]),
    ours("process_max_fds", &[]),
    ours("taskward_key_age_seconds", &[]),
    ours("taskward_backup_last_success_age_seconds", &[]),
    ours("taskward_backup_first_overdue_seconds", &[]),
    ours("taskward_backup_consecutive_failures", &[]),
    ours("taskward_drill_last_success_age_seconds", &[]),
    ours("taskward_drill_first_overdue_seconds", &[]),
    ours("taskward_backup_wal_lag_seconds", &[]),
    ours("taskward_backup_wal_held_bytes", &[]),
    ours("taskward_disk_size_bytes", &["directory"]),
    ours("taskward_disk_available_bytes", &["directory"]),
    ours("taskward_disk_inodes", &["directory"]),
    ours("taskward_disk_inodes_available", &["directory"]),
    ours("taskward_host_memory_size_bytes", &[]),
    ours("taskward_host_memory_available_bytes", &[]),
    ours("taskward_host_cpus", &[]),
    machine("taskward_host_cpu_seconds_total", &["mode"]),
    machine("taskward_host_disk_bytes_total", &["direction"]),
    machine("taskward_host_network_bytes_total", &["direction"]),
    machine("taskward_host_pressure_seconds_total", &["resource", "share"]),
    ours("taskward_cgroup_memory_limit_bytes", &[]),
    ours("taskward_cgroup_memory_used_bytes", &[]),
];

/// The labels that are kept of a sample.
pub(super) fn kept_labels(tracked: &Tracked, sample: &Sample) -> Labels {
    let kept = sample.labels.iter().filter(|(label, _)| tracked.labels.contains(label));
    let one = |(label, value): &(&'static str, String)| match *label {
        "status" => ("status", class(value)),
        "route" => ("pace", pace(value).to_owned()),
        label => (label, value.clone()),
    };
    kept.map(one).collect()
}

/// `503` is `5xx`.
fn class(status: &str) -> String {
    format!("{}xx", status.get(..1).unwrap_or_default())
}

/// Whether callers of a route may ask to wait.
fn pace(route: &str) -> &'static str {
    if ["/api/v1/claim", "/api/v1/tasks/{id}"].contains(&route) { "waiting" } else { "prompt" }
}
