//! Handing tasks to workers.

use rusqlite::OptionalExtension as _;
use taskward_core::{Task, TaskState};

use super::values::{json_list, limit};
use super::writer::Write;
use super::{clock, rows};
use crate::{ClaimDemand, StoreError};

/// Serves demands one after the other; a task goes to the first that wants it.
pub(super) fn claim(write: &mut Write<'_>, demands: &[ClaimDemand]) -> Result<Vec<Vec<Task>>, StoreError> {
    demands.iter().map(|demand| claim_for(write, demand)).collect()
}

fn claim_for(write: &mut Write<'_>, demand: &ClaimDemand) -> Result<Vec<Task>, StoreError> {
    let kinds = (!demand.kinds.is_empty()).then(|| json_list(&demand.kinds));
    let mut claimed = Vec::new();
    for queue in &demand.queues {
        let wanted = demand.max.saturating_sub(claimed.len());
        if wanted == 0 {
            break;
        }
        if !is_paused(write, queue)? {
            claimed.append(&mut claim_from(write, demand, queue, kinds.as_deref(), wanted)?);
        }
    }
    Ok(claimed)
}

fn is_paused(write: &Write<'_>, queue: &str) -> Result<bool, StoreError> {
    let mut statement = write.connection.prepare_cached("SELECT paused FROM queues WHERE name = ?1")?;
    Ok(statement.query_row((queue,), |row| row.get(0)).optional()?.unwrap_or(false))
}

fn claim_from(
    write: &mut Write<'_>,
    demand: &ClaimDemand,
    queue: &str,
    kinds: Option<&str>,
    wanted: usize,
) -> Result<Vec<Task>, StoreError> {
    let expires_at = clock::after(write.now, demand.lease);
    let parameters = (queue, limit(wanted), &demand.worker_id, write.now, expires_at, kinds);
    let mut read = write.connection.prepare_cached(include_str!("claim_read.sql"))?;
    let tasks = read.query_map(parameters, rows::task)?.collect::<Result<Vec<_>, _>>()?;
    if tasks.is_empty() {
        return Ok(tasks);
    }
    let leased = write.connection.prepare_cached(include_str!("claim.sql"))?.execute(parameters)?;
    if leased != tasks.len() {
        return Err(StoreError::Corrupt(format!("read {} tasks to claim, leased {leased}", tasks.len())));
    }
    write.counts.moved(queue, TaskState::Available, TaskState::Running, limit(leased));
    Ok(tasks)
}
