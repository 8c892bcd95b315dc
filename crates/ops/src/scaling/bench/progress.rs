//! How far a run is, to be watched while it goes on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How far a run is. The load only adds to a number; whoever shows it looks when it wants to.
#[derive(Debug, Default)]
pub struct Progress {
    stage: Mutex<Stage>,
    done: AtomicU64,
}

/// What is being done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stage {
    /// The round, from 1.
    pub round: u32,
    /// The scenario, or what is done around it.
    pub name: &'static str,
    /// How many tasks it is about, where that is known.
    pub total: Option<u64>,
}

impl Progress {
    /// What is being done now, and how many tasks that has done.
    pub fn now(&self) -> (Stage, u64) {
        let stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (stage, self.done.load(Ordering::Relaxed))
    }

    pub(super) fn begin(&self, stage: Stage) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
        self.done.store(0, Ordering::Relaxed);
    }

    pub(super) fn add(&self, tasks: u64) {
        self.done.fetch_add(tasks, Ordering::Relaxed);
    }

    pub(super) fn set(&self, tasks: u64) {
        self.done.store(tasks, Ordering::Relaxed);
    }
}
