//! The invariants, asked of a PostgreSQL database.

use std::time::Instant;

use futures_util::TryStreamExt;
use tokio_postgres::types::ToSql;
use tokio_postgres::{IsolationLevel, Transaction};

use super::connection::Target;
use super::migrate;
use crate::check::{
    ATTEMPTS, COUNTS, COUNTS_BALANCE, COUNTS_HISTORY, CheckOptions, CheckProgress, Checked, EPOCHS, EXPIRY,
    HISTORY, Invariant, LEASES, ONE_PLACE, PARTITIONS, SCHEMA, UNIQUE_KEYS, Verdict, Violation, Violations,
    failed, missing, verdict,
};
use crate::{StoreError, StoreOptions, migrations};

/// Each answers a row for each violation: the task's id or NULL, and what is there.
const QUERIES: [(Invariant, &str); 11] = [
    (ONE_PLACE, include_str!("check/one_place.sql")),
    (LEASES, include_str!("check/leases.sql")),
    (EXPIRY, include_str!("check/expiry.sql")),
    (EPOCHS, include_str!("check/epochs.sql")),
    (ATTEMPTS, include_str!("check/attempts.sql")),
    (HISTORY, include_str!("check/history.sql")),
    (UNIQUE_KEYS, include_str!("check/unique_keys.sql")),
    (COUNTS, include_str!("check/counts.sql")),
    (COUNTS_HISTORY, include_str!("check/counts_history.sql")),
    (COUNTS_BALANCE, include_str!("check/counts_balance.sql")),
    (PARTITIONS, include_str!("check/partitions.sql")),
];

/// These statements read whole tables, and are planned for the tables as they are: unlike those of the service.
const SESSION: &str = "SET enable_seqscan = on; SET enable_bitmapscan = on; SET plan_cache_mode = auto;
    SET idle_in_transaction_session_timeout = 0; SET application_name = 'taskward-check'";

/// Checks a database.
pub(crate) async fn check(url: &str, options: &CheckOptions) -> Result<Vec<Checked>, StoreError> {
    let store = StoreOptions { connect_timeout: options.connect_timeout, ..StoreOptions::default() };
    let mut client = Target::parse(url, &store)?.connect().await?;
    let deadline = Instant::now() + options.time_limit;
    client.batch_execute(SESSION).await?;
    migrations::require_current(&migrate::read_status(&client).await?)?;
    let snapshot = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;

    let queries: Vec<_> = QUERIES.iter().filter(|(invariant, _)| options.scope.has(*invariant)).collect();
    let total = queries.len() + 1;
    let mut checked = Vec::with_capacity(total);
    let look_at =
        |invariant: Invariant, done: usize| (options.observe)(CheckProgress { done, total, invariant });
    look_at(SCHEMA, 0);
    let found = objects(&snapshot, deadline).await.map(|found| missing(migrate::CARRIED, &found));
    checked.push(Checked { invariant: SCHEMA, verdict: found.or_else(failed)? });
    for (invariant, sql) in queries {
        look_at(*invariant, checked.len());
        let found = query(&snapshot, deadline, sql, options.examples_max).await;
        checked.push(Checked { invariant: *invariant, verdict: found.or_else(failed)? });
    }
    Ok(checked)
}

async fn objects(snapshot: &Transaction<'_>, deadline: Instant) -> Result<Vec<String>, StoreError> {
    limit(snapshot, deadline).await?;
    let rows = snapshot.query(include_str!("check/schema.sql"), &[]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

async fn query(
    snapshot: &Transaction<'_>,
    deadline: Instant,
    sql: &str,
    examples_max: usize,
) -> Result<Verdict, StoreError> {
    limit(snapshot, deadline).await?;
    let rows = snapshot.query_raw(sql, std::iter::empty::<&(dyn ToSql + Sync)>()).await?;
    let mut rows = std::pin::pin!(rows);
    let mut violations = Violations::default();
    while let Some(row) = rows.try_next().await? {
        violations.add(Violation { task: row.try_get(0)?, what: row.try_get(1)? }, examples_max);
    }
    Ok(verdict(violations))
}

/// Lets the next statement take what is left of the time.
async fn limit(snapshot: &Transaction<'_>, deadline: Instant) -> Result<(), StoreError> {
    let left = deadline.saturating_duration_since(Instant::now());
    // 0 would be no limit at all.
    if left.as_millis() == 0 {
        return Err(StoreError::Timeout);
    }
    let sql = format!("SET LOCAL statement_timeout = {}", left.as_millis().min(i32::MAX as u128));
    Ok(snapshot.batch_execute(&sql).await?)
}
