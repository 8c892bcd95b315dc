//! The counters of queues, changed in the transaction that moves the tasks.

use std::collections::BTreeMap;

use rusqlite::Connection;
use taskward_core::TaskState;

use crate::StoreError;

/// What changed since the transaction began. Written once, at its end, however many tasks moved.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    queues: BTreeMap<String, Deltas>,
}

/// One queue's changes: `created`, and one per state in the order of [`TaskState::ALL`].
#[derive(Debug, Clone, Copy, Default)]
struct Deltas {
    created: i64,
    states: [i64; TaskState::ALL.len()],
}

impl Counts {
    /// A task was created in `state`.
    pub(super) fn created(&mut self, queue: &str, state: TaskState) {
        let deltas = self.queue(queue);
        deltas.created += 1;
        deltas.states[state as usize] += 1;
    }

    /// `count` tasks went from one state to another.
    pub(super) fn moved(&mut self, queue: &str, from: TaskState, to: TaskState, count: i64) {
        let deltas = self.queue(queue);
        deltas.states[from as usize] -= count;
        deltas.states[to as usize] += count;
    }

    /// Adds the changes of a part of the transaction that succeeded.
    pub(super) fn merge(&mut self, other: Self) {
        for (queue, deltas) in other.queues {
            let mine = self.queue(&queue);
            mine.created += deltas.created;
            for (sum, delta) in mine.states.iter_mut().zip(deltas.states) {
                *sum += delta;
            }
        }
    }

    /// Writes the changes.
    pub(super) fn write(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        for (queue, deltas) in &self.queues {
            write_one(connection, queue, "created", deltas.created)?;
            for (state, delta) in TaskState::ALL.into_iter().zip(deltas.states) {
                write_one(connection, queue, state.as_str(), delta)?;
            }
        }
        Ok(())
    }

    fn queue(&mut self, queue: &str) -> &mut Deltas {
        // Most calls find the queue: look before the name is copied.
        if !self.queues.contains_key(queue) {
            self.queues.insert(queue.to_owned(), Deltas::default());
        }
        self.queues.get_mut(queue).expect("the queue was inserted above")
    }
}

fn write_one(connection: &Connection, queue: &str, state: &str, delta: i64) -> Result<(), rusqlite::Error> {
    if delta == 0 {
        return Ok(());
    }
    connection.prepare_cached(include_str!("count.sql"))?.execute((queue, state, delta)).map(drop)
}

/// Reads the counters of every queue: name, `created`, and one per state.
pub(super) fn read(
    connection: &Connection,
) -> Result<BTreeMap<String, (u64, [u64; TaskState::ALL.len()])>, StoreError> {
    let mut all = BTreeMap::<String, (u64, [u64; TaskState::ALL.len()])>::new();
    let mut statement = connection.prepare_cached("SELECT queue, state, count FROM queue_counts")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let counters = all.entry(row.get(0)?).or_default();
        let count = u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
        match row.get_ref(1)?.as_str().ok().and_then(|state| state.parse::<TaskState>().ok()) {
            Some(state) => counters.1[state as usize] = count,
            None => counters.0 = count,
        }
    }
    Ok(all)
}
