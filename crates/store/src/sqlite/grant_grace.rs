//! Giving workers time after an outage.

use std::time::Duration;

use super::clock;
use super::writer::Write;
use crate::StoreError;

/// Moves every end that would come before `grace` has passed.
pub(super) fn grant_grace(write: &mut Write<'_>, grace: Duration) -> Result<u64, StoreError> {
    let mut statement = write.connection.prepare_cached(include_str!("grant_grace.sql"))?;
    Ok(statement.execute((clock::after(write.now, grace),))? as u64)
}
