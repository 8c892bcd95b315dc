//! `tasks`: the limits of tasks, and how long they are kept.

use std::time::Duration;

use taskward_core::Limits;

use super::{ms, section, size};
use crate::schema::Kind;

section! {
    /// The limits of tasks, and how long they are kept.
    Tasks = "tasks" {
        /// Bytes of a task's payload, as JSON text.
        payload_bytes_max: usize = Kind::Bytes { min: 1, max: 64 * size::MIB }, default: "256KiB";
        /// Bytes of a task's result, as JSON text.
        result_bytes_max: usize = Kind::Bytes { min: 1, max: 64 * size::MIB }, default: "256KiB";
        /// Bytes of a task's `metadata` and of its `progress`, each.
        metadata_bytes_max: usize = Kind::Bytes { min: 1, max: 16 * size::MIB }, default: "16KiB";
        /// Tasks in one batch request, and results in one results request.
        batch_tasks_max: usize = Kind::Integer { min: 1, max: 100_000 }, default: "10000";
        /// Bytes of one batch request's body.
        batch_bytes_max: usize = Kind::Bytes { min: size::KIB, max: size::GIB }, default: "64MiB";
        /// Tasks handed out in one claim.
        claim_tasks_max: usize = Kind::Integer { min: 1, max: 10_000 }, default: "1000";
        /// The longest `wait` of a request.
        wait_max: Duration = Kind::Duration { ms_min: 0, ms_max: ms::HOUR }, default: "60s";
        /// The longest lease.
        lease_max: Duration = Kind::Duration { ms_min: ms::SECOND, ms_max: 30 * ms::DAY }, default: "24h";
        /// The longest `timeout` of a task.
        timeout_max: Duration = Kind::Duration { ms_min: ms::SECOND, ms_max: 365 * ms::DAY }, default: "168h";
        /// The most attempts a task may ask for.
        attempts_max: u32 = Kind::Integer { min: 1, max: 100_000 }, default: "1000";
        /// Leases lost before a task is `dead` with reason `crash_loop`.
        crashes_max: u32 = Kind::Integer { min: 1, max: 1_000 }, default: "3";
        /// Errors kept per task, the newest; older ones are dropped.
        errors_kept: usize = Kind::Integer { min: 1, max: 1_000 }, default: "20";
        /// Tasks on one page of a listing.
        page_tasks_max: usize = Kind::Integer { min: 1, max: 10_000 }, default: "1000";
        /// How long finished tasks are kept.
        retention: Duration = Kind::Duration { ms_min: ms::SECOND, ms_max: 3_650 * ms::DAY }, default: "168h";
        /// Tasks that may wait in memory for a commit; beyond it requests get 503 `overloaded`.
        pending_tasks_max: usize = Kind::Integer { min: 1, max: 10_000_000 }, default: "20000";
        /// Bytes that may wait in memory for a commit; beyond it requests get 503 `overloaded`.
        pending_bytes_max: usize = Kind::Bytes { min: size::KIB, max: 64 * size::GIB }, default: "64MiB";
        /// How long an `Idempotency-Key` is remembered.
        idempotency_window: Duration = Kind::Duration { ms_min: ms::MINUTE, ms_max: 30 * ms::DAY },
            default: "24h";
    }
}

impl Tasks {
    /// The limits as the domain takes them.
    #[must_use]
    pub fn limits(&self) -> Limits {
        // No `..`: a limit added to the domain does not compile until it is configuration too.
        Limits {
            payload_bytes_max: self.payload_bytes_max,
            result_bytes_max: self.result_bytes_max,
            metadata_bytes_max: self.metadata_bytes_max,
            batch_tasks_max: self.batch_tasks_max,
            batch_bytes_max: self.batch_bytes_max,
            claim_tasks_max: self.claim_tasks_max,
            wait_max: self.wait_max,
            lease_max: self.lease_max,
            timeout_max: self.timeout_max,
            attempts_max: self.attempts_max,
            crashes_max: self.crashes_max,
            errors_kept: self.errors_kept,
            page_tasks_max: self.page_tasks_max,
        }
    }
}
