//! `worker`: what `taskward worker` does unless its flags say otherwise.

use std::time::Duration;

use super::{ms, section};
use crate::schema::Kind;

section! {
    /// What `taskward worker` does unless its flags say otherwise.
    Worker = "worker" {
        /// Commands run at once.
        concurrency: usize = Kind::Integer { min: 1, max: 1_000 }, default: "10";
        /// The lease it asks for and extends. A worker that dies is noticed after that long.
        lease: Duration = Kind::Duration { ms_min: ms::SECOND, ms_max: 30 * ms::DAY }, default: "60s";
        /// How long a claim waits for a task to come.
        wait: Duration = Kind::Duration { ms_min: 0, ms_max: ms::HOUR }, default: "20s";
        /// How long a stop waits for running commands before it ends them and gives their tasks back.
        drain_timeout: Duration = Kind::Duration { ms_min: 0, ms_max: 30 * ms::DAY }, default: "30s";
    }
}
