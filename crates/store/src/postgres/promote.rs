//! Makes scheduled tasks available when their time comes.

use std::time::Duration;

use taskward_core::Timestamp;
use tokio_postgres::Row;

use super::connection::{Pool, query};
use super::floors::{Floors, MARGIN};
use super::rows;
use crate::{Promoted, StoreError};

/// Promotes up to `limit` tasks, in one statement. Claims that begin at a floor find them, however late they are.
pub(super) async fn promote(pool: &Pool, floors: &Floors, limit: usize) -> Result<Promoted, StoreError> {
    let (most, margin) = (rows::limit(limit), rows::micros(MARGIN));
    let found = query(pool, include_str!("promote.sql"), &[&most, &margin]).await?;
    let Some(row) = found.first() else { return Ok(Promoted::default()) };
    floors.lower(late(row)?);
    let count = usize::try_from(rows::rows(row.try_get(0)?)).unwrap_or(usize::MAX);
    let (next, now): (Option<Timestamp>, Timestamp) = (row.try_get(2)?, row.try_get(3)?);
    let next_due_in =
        if count >= limit { Some(Duration::ZERO) } else { next.map(|next| rows::between(now, next)) };
    Ok(Promoted { count, queues: row.try_get(1)?, next_due_in })
}

/// When the first late task of each queue and priority was due.
fn late(row: &Row) -> Result<impl Iterator<Item = (String, i16, Timestamp)>, StoreError> {
    let (queues, priorities): (Vec<String>, Vec<i16>) = (row.try_get(4)?, row.try_get(5)?);
    let due: Vec<Timestamp> = row.try_get(6)?;
    Ok(queues.into_iter().zip(priorities).zip(due).map(|((queue, priority), due)| (queue, priority, due)))
}
