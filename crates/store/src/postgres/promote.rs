//! Makes scheduled tasks available when their time comes.

use std::time::Duration;

use taskward_core::Timestamp;

use super::connection::{Pool, query};
use super::rows;
use crate::{Promoted, StoreError};

/// Promotes up to `limit` tasks, in one statement.
pub(super) async fn promote(pool: &Pool, limit: usize) -> Result<Promoted, StoreError> {
    let found = query(pool, include_str!("promote.sql"), &[&rows::limit(limit)]).await?;
    let Some(row) = found.first() else { return Ok(Promoted::default()) };
    let count = usize::try_from(rows::rows(row.try_get(0)?)).unwrap_or(usize::MAX);
    let (next, now): (Option<Timestamp>, Timestamp) = (row.try_get(2)?, row.try_get(3)?);
    let next_due_in =
        if count >= limit { Some(Duration::ZERO) } else { next.map(|next| rows::between(now, next)) };
    Ok(Promoted { count, queues: row.try_get(1)?, next_due_in })
}
