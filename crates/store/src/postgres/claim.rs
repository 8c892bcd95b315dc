//! Hands out tasks.

use std::collections::HashMap;

use deadpool_postgres::Pool;
use taskward_core::Task;
use tokio_postgres::Row;

use super::connection::query;
use super::rows;
use crate::{ClaimDemand, StoreError};

/// The column of a claimed task's place in the order of the claim.
const PLACE: usize = 23;

/// Serves the demands. Those that name the same queues and kinds are served by one statement, in their
/// order; a worker per connection or a worker per server makes no difference to the database then.
///
/// Each statement is a transaction. When a later one fails, what the earlier ones leased is answered all
/// the same: it would stay leased to workers that never heard of it.
pub(super) async fn claim(pool: &Pool, demands: Vec<ClaimDemand>) -> Result<Vec<Vec<Task>>, StoreError> {
    let mut answers: Vec<Vec<Task>> = demands.iter().map(|_| Vec::new()).collect();
    let mut any = false;
    for group in groups(&demands) {
        match claim_group(pool, &demands, &group, &mut answers).await {
            Ok(()) => any |= group.iter().any(|&demand| !answers[demand].is_empty()),
            Err(error) if any => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a part of a claim failed");
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(answers)
}

/// The positions of demands that can be served together, in the order of the first of each.
fn groups(demands: &[ClaimDemand]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known = HashMap::new();
    for (position, demand) in demands.iter().enumerate().filter(|(_, demand)| demand.max > 0) {
        let group = *known.entry((&demand.queues, &demand.kinds)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(position);
    }
    groups
}

async fn claim_group(
    pool: &Pool,
    demands: &[ClaimDemand],
    group: &[usize],
    answers: &mut [Vec<Task>],
) -> Result<(), StoreError> {
    let found = match group {
        &[one] => claim_one(pool, &demands[one]).await?,
        _ => claim_shared(pool, demands, group).await?,
    };
    let mut placed = Vec::with_capacity(found.len());
    for row in &found {
        placed.push((row.try_get::<_, i64>(PLACE)?, rows::claimed(row)?));
    }
    // An UPDATE answers in whatever order it worked.
    let queues = &demands[group[0]].queues;
    placed.sort_unstable_by_key(|(place, task)| {
        (*place, queues.iter().position(|queue| *queue == task.queue), task.priority, task.run_at, task.id)
    });
    let starts = starts(demands, group);
    for (place, mut task) in placed {
        let demand = group[starts.partition_point(|start| *start <= place) - 1];
        let lease = rows::micros(demands[demand].lease);
        task.lease_expires_at = task.started_at.map(|start| rows::after(start, lease));
        task.worker_id = Some(demands[demand].worker_id.clone());
        answers[demand].push(task);
    }
    Ok(())
}

async fn claim_one(pool: &Pool, demand: &ClaimDemand) -> Result<Vec<Row>, StoreError> {
    const SQL: &str = concat!(include_str!("claim_picked.sql"), include_str!("claim_one.sql"));
    let (max, lease) = (rows::limit(demand.max), rows::micros(demand.lease));
    query(pool, SQL, &[&demand.queues, &kinds(demand), &max, &demand.worker_id, &lease]).await
}

async fn claim_shared(pool: &Pool, demands: &[ClaimDemand], group: &[usize]) -> Result<Vec<Row>, StoreError> {
    const SQL: &str = concat!(include_str!("claim_picked.sql"), include_str!("claim_shared.sql"));
    let first = &demands[group[0]];
    let workers: Vec<&str> = group.iter().map(|&at| demands[at].worker_id.as_str()).collect();
    let leases: Vec<i64> = group.iter().map(|&at| rows::micros(demands[at].lease)).collect();
    let starts = starts(demands, group);
    let total: i64 = group.iter().map(|&at| rows::limit(demands[at].max)).sum();
    query(pool, SQL, &[&first.queues, &kinds(first), &total, &workers, &leases, &starts]).await
}

/// Where in the order of the claimed tasks each demand's share begins.
fn starts(demands: &[ClaimDemand], group: &[usize]) -> Vec<i64> {
    let mut total = 0;
    let share = |&at: &usize| {
        let start = total;
        total += rows::limit(demands[at].max);
        start
    };
    group.iter().map(share).collect()
}

/// NULL stands for all kinds.
fn kinds(demand: &ClaimDemand) -> Option<&Vec<String>> {
    (!demand.kinds.is_empty()).then_some(&demand.kinds)
}
