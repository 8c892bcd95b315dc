//! What was done since a moment.

use taskward_core::Timestamp;

use super::facts::patient;
use crate::StoreError;
use crate::census::Since;

/// Counts what a database has that is later than `moment`. Changes nothing.
///
/// # Errors
/// As [`super::PostgresStore::connect`].
pub async fn since(url: &str, moment: Timestamp) -> Result<Since, StoreError> {
    let client = patient(url).await?;
    let count = "SELECT (SELECT count(*) FROM tasks WHERE created_at > $1)
            + (SELECT count(*) FROM history WHERE created_at > $1),
        (SELECT count(*) FROM history WHERE finished_at > $1)";
    let row = client.query_one(count, &[&moment]).await?;
    let of = |column| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
    Ok(Since { created: of(0)?, finished: of(1)? })
}
