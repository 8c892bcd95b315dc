//! Removing what is no longer needed.

use std::time::Duration;

use super::writer::Write;
use super::{clock, rows, values};
use crate::{Pruned, StoreError};

/// Removes finished tasks with their idempotency keys, keys past their window, and workers not seen for as
/// long as tasks are kept. Up to `limit` of each.
pub(super) fn prune(write: &mut Write<'_>, retention: Duration, limit: usize) -> Result<Pruned, StoreError> {
    let limit = values::limit(limit);
    let finished_before = clock::before(write.now, retention);
    let keys_before = clock::before(write.now, write.options.idempotency_window);
    let connection = write.connection;

    let mut delete = connection.prepare_cached(include_str!("prune_history.sql"))?;
    let pruned =
        delete.query_map((finished_before, limit), |row| rows::id(row, 0))?.collect::<Result<Vec<_>, _>>()?;
    let mut keys =
        connection.prepare_cached(include_str!("prune_keys.sql"))?.execute((keys_before, limit))?;
    let mut delete_keys = connection.prepare_cached("DELETE FROM idempotency_keys WHERE task_id = ?1")?;
    for id in &pruned {
        keys += delete_keys.execute((id.0.as_bytes(),))?;
    }
    connection.prepare_cached("DELETE FROM workers WHERE last_seen_at < ?1")?.execute((finished_before,))?;
    Ok(Pruned { tasks: pruned.len() as u64, partitions: 0, idempotency_keys: keys as u64 })
}
