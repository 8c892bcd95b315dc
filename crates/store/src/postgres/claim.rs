//! Hands out tasks.

use std::collections::HashMap;
use std::time::Instant;

use taskward_core::Task;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connection::{Pool, query};
use super::floors::{Beginning, Floors};
use super::rows;
use crate::{ClaimDemand, StoreError};

/// The column of a claimed task's place in the order of the claim.
const PLACE: usize = 24;

/// Serves the demands. Those that name the same queues and kinds are served by one statement, in their
/// order; a worker per connection or a worker per server makes no difference to the database then.
///
/// Each statement is a transaction. When a later one fails, what the earlier ones leased is answered all
/// the same: it would stay leased to workers that never heard of it.
pub(super) async fn claim(
    pool: &Pool,
    floors: &Floors,
    demands: Vec<ClaimDemand>,
) -> Result<Vec<Vec<Task>>, StoreError> {
    let mut answers: Vec<Vec<Task>> = demands.iter().map(|_| Vec::new()).collect();
    let mut any = false;
    for group in groups(&demands) {
        match claim_group(pool, floors, &demands, &group).await {
            Ok(shares) => {
                any |= shares.iter().any(|share| !share.is_empty());
                group.into_iter().zip(shares).for_each(|(at, share)| answers[at] = share);
            }
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
    floors: &Floors,
    demands: &[ClaimDemand],
    group: &[usize],
) -> Result<Vec<Vec<Task>>, StoreError> {
    let group = Group::of(group.iter().map(|&at| &demands[at]).collect(), floors);
    group.share(&query(pool, group.sql(), &group.params()).await?)
}

/// Demands that one statement serves.
pub(super) struct Group<'a> {
    demands: Vec<&'a ClaimDemand>,
    kinds: Option<&'a Vec<String>>,
    total: i64,
    workers: Vec<&'a str>,
    leases: Vec<i64>,
    /// Where in the order of the claimed tasks each demand's share begins.
    starts: Vec<i64>,
    floors: &'a Floors,
    beginning: Beginning<'a>,
    begun: Instant,
}

impl<'a> Group<'a> {
    /// All demands name the same queues and kinds.
    pub(super) fn of(demands: Vec<&'a ClaimDemand>, floors: &'a Floors) -> Self {
        let begun = Instant::now();
        let (mut total, mut starts) = (0, Vec::with_capacity(demands.len()));
        for demand in &demands {
            starts.push(total);
            total += rows::limit(demand.max);
        }
        Self {
            kinds: demands.first().map(|first| &first.kinds).filter(|kinds| !kinds.is_empty()),
            total,
            workers: demands.iter().map(|demand| demand.worker_id.as_str()).collect(),
            leases: demands.iter().map(|demand| rows::micros(demand.lease)).collect(),
            starts,
            floors,
            beginning: floors.beginning(&demands[0].queues, begun),
            begun,
            demands,
        }
    }

    pub(super) fn sql(&self) -> &'static str {
        match (self.only_queue().is_some(), self.demands.len()) {
            (true, 1) => concat!(include_str!("claim_first.sql"), include_str!("claim_one.sql")),
            (true, _) => concat!(include_str!("claim_first.sql"), include_str!("claim_shared.sql")),
            (false, 1) => concat!(include_str!("claim_picked.sql"), include_str!("claim_one.sql")),
            (false, _) => concat!(include_str!("claim_picked.sql"), include_str!("claim_shared.sql")),
        }
    }

    pub(super) fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        let mut params: Vec<&(dyn ToSql + Sync)> =
            vec![&self.kinds, &self.total, &self.workers, &self.leases, &self.starts];
        match self.only_queue() {
            Some(queue) => params.push(queue),
            None => {
                let Beginning { queues, priorities, run_at, id, .. } = &self.beginning;
                params.extend([queues as &(dyn ToSql + Sync), priorities, run_at, id]);
            }
        }
        params
    }

    /// The queue, when there is only one and the claim begins at its first task.
    fn only_queue(&self) -> Option<&'a String> {
        match &self.demands[0].queues[..] {
            [queue] if self.beginning.everything => Some(queue),
            _ => None,
        }
    }

    /// What each demand gets of what was found, in the order of claims. Called as soon as that is durable.
    pub(super) fn share(&self, found: &[Row]) -> Result<Vec<Vec<Task>>, StoreError> {
        let mut placed = Vec::with_capacity(found.len());
        for row in found {
            placed.push((row.try_get::<_, i64>(PLACE)?, rows::claimed(row)?));
        }
        // An UPDATE answers in whatever order it worked.
        let queues = &self.demands[0].queues;
        placed.sort_by_cached_key(|(place, task)| {
            let queue = queues.iter().position(|queue| *queue == task.queue);
            (*place, queue, task.priority, task.run_at, task.id)
        });
        let now = Instant::now();
        let tasks: Vec<&Task> = placed.iter().map(|(_, task)| task).collect();
        self.floors.ended(&self.beginning, self.kinds.is_none(), &tasks, now - self.begun, now);
        let mut shares: Vec<Vec<Task>> = self.demands.iter().map(|_| Vec::new()).collect();
        for (place, mut task) in placed {
            let at = self.starts.partition_point(|start| *start <= place) - 1;
            task.lease_expires_at = task.started_at.map(|start| rows::after(start, self.leases[at]));
            task.worker_id = Some(self.demands[at].worker_id.clone());
            shares[at].push(task);
        }
        Ok(shares)
    }
}
