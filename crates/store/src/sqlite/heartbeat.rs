//! Extending leases.

use rusqlite::{CachedStatement, Connection, OptionalExtension as _};

use super::values::moment;
use super::writer::Write;
use super::{clock, get};
use crate::{Heartbeat, HeartbeatError, Held, StoreError};

type Item = Result<Held, HeartbeatError>;

/// Two statements, not one with RETURNING: for that SQLite makes a temporary table each time, which costs more
/// than the update.
struct Statements<'c> {
    connection: &'c Connection,
    held: CachedStatement<'c>,
    extend: CachedStatement<'c>,
}

/// Extends leases that are still held; also one that is over but has not been taken away yet.
pub(super) fn heartbeat(write: &mut Write<'_>, beats: &[Heartbeat]) -> Result<Vec<Item>, StoreError> {
    let connection = write.connection;
    let held = connection.prepare_cached(include_str!("heartbeat_held.sql"))?;
    let extend = connection.prepare_cached(include_str!("heartbeat.sql"))?;
    let mut statements = Statements { connection, held, extend };
    beats.iter().map(|beat| statements.extend(write.now, beat)).collect()
}

impl Statements<'_> {
    fn extend(&mut self, now: i64, beat: &Heartbeat) -> Result<Item, StoreError> {
        let id = beat.id.0.as_bytes();
        let held = self
            .held
            .query_row((id, beat.lease), |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
            .optional()?;
        let Some((row, cancel_requested)) = held else {
            let known = get::exists(self.connection, beat.id)?;
            return Ok(Err(if known { HeartbeatError::LeaseLost } else { HeartbeatError::NotFound }));
        };
        let expires_at = clock::after(now, beat.extend);
        let progress = beat.progress.as_ref().map(|json| json.get());
        match self.extend.execute((row, beat.lease, expires_at, progress))? {
            1 => Ok(Ok(Held { expires_at: moment(expires_at)?, cancel_requested })),
            _ => Err(StoreError::Corrupt(format!("task {} changed during its heartbeat", beat.id))),
        }
    }
}
