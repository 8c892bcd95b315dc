//! The partitions of `history`: one per day of creation, made ahead of time and dropped as a whole.
//!
//! Several instances do this at once; whoever gets the lock does it, the others leave it to them. Nothing
//! here waits long for a lock, since everything that wants the table after us would wait behind us.

use taskward_core::Timestamp;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Transaction};

use crate::StoreError;

/// Partitions made for the days to come. While one cannot be made, rows go to the default partition.
const DAYS_AHEAD: i32 = 3;

/// The width of a partition.
const DAY_SECONDS: f64 = 86_400.0;

/// The advisory lock of whoever makes or drops partitions: "twparts" in ASCII.
const LOCK: i64 = 0x74_7770_6172_7473;

/// The advisory lock of whoever prunes: "twprune" in ASCII.
const PRUNING: i64 = 0x74_7770_7275_6e65;

/// How long a change of the partitions waits for those who use the table.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '200ms'";

/// A partition that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    /// Its table.
    pub(super) name: String,
    /// Whether every id that belongs here was made before the cutoff.
    pub(super) is_past: bool,
    /// Whether some ids that belong here were made before the cutoff.
    pub(super) is_reached: bool,
}

/// Makes today's partition and those of the next days. Those that cannot be made now are left to the next
/// round: somebody uses the table for long, or the default partition already holds their rows.
pub(super) async fn create_ahead(client: &mut Client) -> Result<(), StoreError> {
    let today = "SELECT extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC'))::float8";
    let today: f64 = client.query_one(today, &[]).await?.try_get(0)?;
    for day in 0..=DAYS_AHEAD {
        create_day(client, today + f64::from(day) * DAY_SECONDS).await?;
    }
    Ok(())
}

/// Makes the partition of a day, given in seconds since the Unix epoch, if it is not there and can be made.
pub(super) async fn create_day(client: &mut Client, day: f64) -> Result<(), StoreError> {
    let sql = "SELECT 'history_p' || to_char(day, 'YYYYMMDD'),
            (extract(epoch FROM day) * 1000)::bigint,
            (extract(epoch FROM day + interval '1 day') * 1000)::bigint
        FROM (SELECT date_trunc('day', to_timestamp($1) AT TIME ZONE 'UTC')) AS d (day)
        WHERE to_regclass('history_p' || to_char(day, 'YYYYMMDD')) IS NULL";
    let Some(row) = client.query_opt(sql, &[&day]).await? else { return Ok(()) };
    let (name, from, to): (String, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let transaction = client.transaction().await?;
    match create(&transaction, &name, from, to).await {
        Ok(()) => transaction.commit().await?,
        Err(error) if is_postponed(&error) => {
            tracing::warn!(partition = name, %error, "a partition of history cannot be made now");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Whether history is ours to prune until the connection ends. One instance at a time does it: a statement
/// that has named a partition fails in several ways when another instance drops it just then.
pub(super) async fn lock_pruning(client: &Client) -> Result<bool, StoreError> {
    Ok(client.query_one("SELECT pg_try_advisory_lock($1)", &[&PRUNING]).await?.try_get(0)?)
}

/// Lets another instance prune.
pub(super) async fn unlock_pruning(client: &Client) -> Result<(), StoreError> {
    client.execute("SELECT pg_advisory_unlock($1)", &[&PRUNING]).await?;
    Ok(())
}

/// The day partitions, oldest first, and how they stand to `cutoff`.
pub(super) async fn list(client: &Client, cutoff: Timestamp) -> Result<Vec<Partition>, StoreError> {
    let sql = "SELECT relname::text, day + interval '1 day' <= cutoff, day < cutoff
        FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid,
            LATERAL (SELECT to_date(substr(relname, 10), 'YYYYMMDD')::timestamp, $1::timestamptz AT TIME ZONE 'UTC')
                AS d (day, cutoff)
        WHERE inhparent = 'history'::regclass AND relname ~ '^history_p[0-9]{8}$'
        ORDER BY relname";
    let rows = client.query(sql, &[&cutoff]).await?;
    rows.iter()
        .map(|row| {
            Ok(Partition { name: row.try_get(0)?, is_past: row.try_get(1)?, is_reached: row.try_get(2)? })
        })
        .collect()
}

/// Drops a partition if everything in it finished before `cutoff`. Returns whether it did.
///
/// The index that answers this is brought up to date first, so that the answer is quick while the table
/// is locked; it is asked again under the lock, since a task may have finished in between.
pub(super) async fn drop_if_old(
    client: &mut Client,
    partition: &str,
    cutoff: Timestamp,
) -> Result<bool, StoreError> {
    let index = format!("SELECT brin_summarize_new_values('{partition}_finished_at_idx')");
    match client.query_opt(&index, &[]).await {
        Err(error) if is_gone(&error) => return Ok(false),
        summarized => drop(summarized?),
    }
    match holds_newer(client, partition, cutoff).await {
        Err(error) if is_gone(&error) => return Ok(false),
        newer => {
            if newer? {
                return Ok(false);
            }
        }
    }
    let transaction = client.transaction().await?;
    match drop_locked(&transaction, partition, cutoff).await {
        Ok(true) => transaction.commit().await.map(|()| true).map_err(StoreError::from),
        Ok(false) => Ok(false),
        Err(error) if is_postponed(&error) || is_gone(&error) => {
            tracing::debug!(partition, %error, "a partition of history is in use, and stays for now");
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// `ATTACH` locks the parent less than `CREATE … PARTITION OF` does: writers go on.
async fn create(
    transaction: &Transaction<'_>,
    name: &str,
    from: i64,
    to: i64,
) -> Result<(), tokio_postgres::Error> {
    if !lock(transaction).await? {
        return Ok(());
    }
    let (from, to) = (first_id(from), first_id(to));
    transaction
        .batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS {name} (LIKE history INCLUDING ALL);
             ALTER TABLE history ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{to}')"
        ))
        .await
}

async fn drop_locked(
    transaction: &Transaction<'_>,
    partition: &str,
    cutoff: Timestamp,
) -> Result<bool, tokio_postgres::Error> {
    if !lock(transaction).await? {
        return Ok(false);
    }
    transaction.batch_execute("LOCK TABLE ONLY history IN ACCESS EXCLUSIVE MODE").await?;
    if holds_newer(transaction.client(), partition, cutoff).await? {
        return Ok(false);
    }
    transaction.batch_execute(&format!("DROP TABLE {partition}")).await?;
    Ok(true)
}

/// Whether another instance leaves the partitions to us; until the transaction ends.
async fn lock(transaction: &Transaction<'_>) -> Result<bool, tokio_postgres::Error> {
    transaction.batch_execute(LOCK_TIMEOUT).await?;
    transaction.query_one("SELECT pg_try_advisory_xact_lock($1)", &[&LOCK]).await?.try_get(0)
}

async fn holds_newer(
    client: &Client,
    partition: &str,
    cutoff: Timestamp,
) -> Result<bool, tokio_postgres::Error> {
    let sql = format!("SELECT EXISTS (SELECT FROM {partition} WHERE finished_at >= $1)");
    client.query_one(&sql, &[&cutoff]).await?.try_get(0)
}

/// Whether another instance has dropped the partition in between.
pub(super) fn is_gone(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::UNDEFINED_TABLE)
}

/// Whether the same may work in a later round: the lock was not to be had, a deadlock was avoided, or the
/// default partition holds rows that belong into the new one (those stay there until they are pruned).
fn is_postponed(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|state| {
        [
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::CHECK_VIOLATION,
            SqlState::DUPLICATE_TABLE,
        ]
        .contains(state)
    })
}

/// The smallest UUIDv7 of a millisecond: its first 48 bits are the time.
fn first_id(millis: i64) -> String {
    let hex = format!("{millis:012x}");
    format!("{}-{}-0000-0000-000000000000", &hex[..8], &hex[8..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_the_first_ids_of_a_day() {
        let id = uuid::Uuid::try_parse(&first_id(1_800_000_000_000)).expect("an id");
        let later = uuid::Uuid::new_v7(uuid::Timestamp::from_unix_time(1_800_000_000, 0, 0, 0));
        let earlier = uuid::Uuid::new_v7(uuid::Timestamp::from_unix_time(1_799_999_999, 999_000_000, 0, 0));
        assert!(earlier < id && id < later);
    }
}
