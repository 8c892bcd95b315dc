//! Extending leases.

use rusqlite::OptionalExtension as _;

use super::values::moment;
use super::writer::Write;
use super::{clock, get};
use crate::{Heartbeat, HeartbeatError, Held, StoreError};

type Item = Result<Held, HeartbeatError>;

/// Extends leases that are still held; also one that is over but has not been taken away yet.
pub(super) fn heartbeat(write: &mut Write<'_>, beats: &[Heartbeat]) -> Result<Vec<Item>, StoreError> {
    beats.iter().map(|beat| extend(write, beat)).collect()
}

fn extend(write: &Write<'_>, beat: &Heartbeat) -> Result<Item, StoreError> {
    let expires_at = clock::after(write.now, beat.extend);
    let progress = beat.progress.as_ref().map(|json| json.get());
    let cancel_requested = write
        .connection
        .prepare_cached(include_str!("heartbeat.sql"))?
        .query_row((beat.id.0.as_bytes(), beat.lease, expires_at, progress), |row| row.get(0))
        .optional()?;
    Ok(match cancel_requested {
        Some(cancel_requested) => Ok(Held { expires_at: moment(expires_at)?, cancel_requested }),
        None if get::exists(write.connection, beat.id)? => Err(HeartbeatError::LeaseLost),
        None => Err(HeartbeatError::NotFound),
    })
}
