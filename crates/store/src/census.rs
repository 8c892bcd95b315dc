//! What a database holds, counted row by row: to compare a copy with what it is a copy of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use taskward_core::{TaskState, Timestamp};

/// The table of counters. What it says is part of the census; how many rows say it, on PostgreSQL, is chance.
pub(crate) const COUNTERS: &str = "queue_counts";

/// What a database holds at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Rows of each table, by its name; a partitioned table is one. Counters are not among them.
    pub tables: BTreeMap<String, u64>,
    /// Tasks in each state, counted one by one. A state without tasks is not there.
    pub states: BTreeMap<String, u64>,
    /// What the kept counters say, over all queues: each state, and `created`.
    pub counters: BTreeMap<String, i64>,
}

impl Census {
    /// Where the kept counters and the rows contradict each other: in a sound database, nowhere. Finished tasks are
    /// pruned and stay counted, so only unfinished states can be compared.
    pub fn contradictions(&self) -> Vec<String> {
        let unfinished = TaskState::ALL.into_iter().filter(|state| !state.is_finished());
        unfinished
            .filter_map(|state| {
                let counted = self.states.get(state.as_str()).copied().unwrap_or(0);
                let kept = self.counters.get(state.as_str()).copied().unwrap_or(0);
                (i64::try_from(counted) != Ok(kept))
                    .then(|| format!("{counted} tasks are {state}, the counters say {kept}"))
            })
            .collect()
    }
}

/// A census, and what else is known of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// What it holds.
    pub census: Census,
    /// The version of its schema; 0 for none.
    pub schema: u32,
    /// What the database itself says is broken; at most ten things.
    pub problems: Vec<String>,
}

/// A task that was running at the point a database was restored to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupted {
    /// The task.
    pub id: taskward_core::TaskId,
    /// Its queue.
    pub queue: String,
    /// Its kind.
    pub kind: String,
    /// Who held it.
    pub worker_id: Option<String>,
    /// Which attempt it was.
    pub attempt: u32,
    /// When that began.
    pub started_at: Option<Timestamp>,
}

/// A new epoch of leases: see [`crate::sqlite::begin_epoch`] and [`crate::postgres::begin_epoch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Its number: the millisecond it began in, since 1970. The same backup restored twice begins two epochs.
    pub number: i64,
    /// Tasks whose leases were ended.
    pub interrupted: Vec<Interrupted>,
}

/// How many leases of a task an epoch has room for: more than anybody claims. Statements that claim repeat it.
pub(crate) const LEASES_PER_EPOCH: i64 = 1 << 20;

/// What was done since a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Since {
    /// Tasks that were created.
    pub created: u64,
    /// Tasks that were finished, those among them that were created since included.
    pub finished: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_counters_are_compared_for_unfinished_states_only() {
        let mut census = Census::default();
        census.states.extend([("available".to_owned(), 2), ("completed".to_owned(), 1)]);
        census.counters.extend([("available".to_owned(), 2), ("completed".to_owned(), 5)]);
        assert!(census.contradictions().is_empty());
        census.counters.insert("running".to_owned(), 1);
        assert_eq!(census.contradictions(), ["0 tasks are running, the counters say 1"]);
    }
}
