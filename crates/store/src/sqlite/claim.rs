//! Handing tasks to workers.
//!
//! The index of available tasks is ordered by queue and kind first. So a claim for certain kinds never reads a
//! backlog of others, which would hold up the only writer: a second, for half a million. A claim for any kind
//! merges the kinds there are.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _};
use taskward_core::{Task, TaskId, TaskState};

use super::values::limit;
use super::writer::Write;
use super::{clock, rows};
use crate::{ClaimDemand, StoreError};

/// A task's place in the order of claims: priority, `run_at`, id.
type Place = (i64, i64, TaskId);

/// Serves demands one after the other; a task goes to the first that wants it.
pub(super) fn claim(write: &mut Write<'_>, demands: &[ClaimDemand]) -> Result<Vec<Vec<Task>>, StoreError> {
    demands.iter().map(|demand| claim_for(write, demand)).collect()
}

/// The kinds of which a queue has available tasks.
pub(super) fn kinds_available(connection: &Connection, queue: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(include_str!("claim_kind.sql"))?;
    let mut kinds: Vec<String> = Vec::new();
    loop {
        let last = kinds.last().map_or("", String::as_str);
        match statement.query_row((queue, last), |row| row.get(0)).optional()? {
            Some(kind) => kinds.push(kind),
            None => return Ok(kinds),
        }
    }
}

fn claim_for(write: &mut Write<'_>, demand: &ClaimDemand) -> Result<Vec<Task>, StoreError> {
    let mut claimed = Vec::new();
    for queue in &demand.queues {
        let wanted = demand.max.saturating_sub(claimed.len());
        if wanted == 0 {
            break;
        }
        if !is_paused(write, queue)? {
            claimed.append(&mut claim_from(write, demand, queue, wanted)?);
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
    wanted: usize,
) -> Result<Vec<Task>, StoreError> {
    let kinds = if demand.kinds.is_empty() {
        kinds_available(write.connection, queue)?
    } else {
        demand.kinds.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect()
    };
    let mut tasks = Vec::new();
    for (kind, share) in shares(write, queue, kinds, wanted)? {
        tasks.append(&mut lease(write, demand, queue, &kind, share)?);
    }
    tasks.sort_unstable_by_key(|task| (task.priority, task.run_at, task.id));
    Ok(tasks)
}

/// How many tasks of each kind are among the first `wanted` of them all. Those are the first of their kind.
fn shares(
    write: &Write<'_>,
    queue: &str,
    mut kinds: Vec<String>,
    wanted: usize,
) -> Result<Vec<(String, usize)>, StoreError> {
    if kinds.len() == 1 {
        return Ok(kinds.pop().map(|kind| (kind, wanted)).into_iter().collect());
    }
    let mut next = write.connection.prepare_cached(include_str!("claim_next.sql"))?;
    let mut first = BTreeSet::<(Place, usize)>::new();
    for (number, kind) in kinds.iter().enumerate() {
        let mut rows = next.query((queue, kind, limit(wanted)))?;
        while let Some(row) = rows.next()? {
            first.insert(((row.get(0)?, row.get(1)?, rows::id(row, 2)?), number));
            // A kind has nothing more to give once its next task is the last of too many.
            if first.len() > wanted && first.pop_last().is_some_and(|(_, last)| last == number) {
                break;
            }
        }
    }
    let mut shares: Vec<(String, usize)> = kinds.into_iter().map(|kind| (kind, 0)).collect();
    for (_, number) in first {
        shares[number].1 += 1;
    }
    shares.retain(|(_, share)| *share > 0);
    Ok(shares)
}

/// Leases the first tasks of a kind.
fn lease(
    write: &mut Write<'_>,
    demand: &ClaimDemand,
    queue: &str,
    kind: &str,
    share: usize,
) -> Result<Vec<Task>, StoreError> {
    let expires_at = clock::after(write.now, demand.lease);
    let parameters = (queue, kind, limit(share), demand.worker_id.as_str(), write.now, expires_at);
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
