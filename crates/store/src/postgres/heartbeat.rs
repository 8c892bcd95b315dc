//! Extends leases.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use taskward_core::{TaskId, Timestamp};
use uuid::Uuid;

use super::connection::{Pool, query};
use super::rounds::rounds;
use super::rows;
use crate::{Heartbeat, HeartbeatError, Held, StoreError};

/// Several beats under one lease, as if they had come one after the other.
struct Merged<'a> {
    extend: Duration,
    progress: Option<&'a str>,
}

/// Extends leases, in one statement; tasks it did not find under their lease are looked up by a second.
pub(super) async fn heartbeat(
    pool: &Pool,
    beats: Vec<Heartbeat>,
) -> Result<Vec<Result<Held, HeartbeatError>>, StoreError> {
    let merged = merge(&beats);
    let mut held = HashMap::with_capacity(merged.len());
    // A second lease of the same task is somebody's mistake, but must not spoil the first.
    for round in rounds(merged.iter().map(|((id, _), _)| *id)) {
        let beats: Vec<&((TaskId, i64), Merged<'_>)> = round.into_iter().map(|at| &merged[at]).collect();
        held.extend(extend(pool, &beats).await?);
    }
    let lost: Vec<Uuid> = beats.iter().filter(|b| !held.contains_key(&key(b))).map(|b| b.id.0).collect();
    let known = existing(pool, lost).await?;
    let answer = |beat: &Heartbeat| match held.get(&key(beat)) {
        Some((now, cancel_requested)) => {
            Ok(Held { expires_at: after(*now, beat.extend), cancel_requested: *cancel_requested })
        }
        None if known.contains(&beat.id) => Err(HeartbeatError::LeaseLost),
        None => Err(HeartbeatError::NotFound),
    };
    Ok(beats.iter().map(answer).collect())
}

fn key(beat: &Heartbeat) -> (TaskId, i64) {
    (beat.id, beat.lease)
}

/// Sorted by id: see the statement.
fn merge(beats: &[Heartbeat]) -> Vec<((TaskId, i64), Merged<'_>)> {
    let mut merged = BTreeMap::new();
    for beat in beats {
        let entry = merged.entry(key(beat)).or_insert(Merged { extend: beat.extend, progress: None });
        entry.extend = beat.extend;
        entry.progress = beat.progress.as_ref().map(|json| json.get()).or(entry.progress);
    }
    merged.into_iter().collect()
}

/// The leases that are held: the database's time, and whether the task was asked to stop.
async fn extend(
    pool: &Pool,
    beats: &[&((TaskId, i64), Merged<'_>)],
) -> Result<HashMap<(TaskId, i64), (Timestamp, bool)>, StoreError> {
    let ids: Vec<Uuid> = beats.iter().map(|((id, _), _)| id.0).collect();
    let leases: Vec<i64> = beats.iter().map(|((_, lease), _)| *lease).collect();
    let extends: Vec<i64> = beats.iter().map(|(_, beat)| rows::micros(beat.extend)).collect();
    let progress: Vec<Option<&str>> = beats.iter().map(|(_, beat)| beat.progress).collect();
    let found = query(pool, include_str!("heartbeat.sql"), &[&ids, &leases, &extends, &progress]).await?;
    found
        .iter()
        .map(|row| {
            let key = (TaskId(row.try_get(0)?), row.try_get(1)?);
            Ok((key, (row.try_get(3)?, row.try_get(2)?)))
        })
        .collect()
}

/// Which of the tasks there are.
async fn existing(pool: &Pool, ids: Vec<Uuid>) -> Result<HashSet<TaskId>, StoreError> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let found = query(pool, include_str!("exists.sql"), &[&ids]).await?;
    found.iter().map(|row| Ok(TaskId(row.try_get(0)?))).collect()
}

/// The moment a lease ends, as the database computes it: in whole microseconds.
fn after(now: Timestamp, extend: Duration) -> Timestamp {
    now.checked_add(Duration::from_micros(u64::try_from(extend.as_micros()).unwrap_or(u64::MAX)))
        .unwrap_or(Timestamp::MAX)
}
