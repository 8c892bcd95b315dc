//! Hands out tasks.

use std::collections::HashMap;

use deadpool_postgres::Pool;
use taskward_core::Task;

use super::connection::query;
use super::rows;
use crate::{ClaimDemand, StoreError};

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
    let first = &demands[group[0]];
    let kinds = (!first.kinds.is_empty()).then_some(&first.kinds);
    let workers: Vec<&str> = group.iter().map(|&at| demands[at].worker_id.as_str()).collect();
    let leases: Vec<i64> = group.iter().map(|&at| rows::micros(demands[at].lease)).collect();
    let mut total = 0;
    let mut starts = Vec::with_capacity(group.len());
    for &at in group {
        starts.push(total);
        total += rows::limit(demands[at].max);
    }
    let found =
        query(pool, include_str!("claim.sql"), &[&first.queues, &kinds, &total, &workers, &leases, &starts])
            .await?;
    let mut placed = Vec::with_capacity(found.len());
    for row in &found {
        placed.push((row.try_get::<_, i64>(31)?, rows::task(row)?));
    }
    // An UPDATE answers in whatever order it worked.
    placed.sort_unstable_by_key(|(place, _)| *place);
    for (place, task) in placed {
        let demand = starts.partition_point(|start| *start <= place) - 1;
        answers[group[demand]].push(task);
    }
    Ok(())
}
