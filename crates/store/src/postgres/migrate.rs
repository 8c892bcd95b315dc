//! Applies and reverts migrations, on a connection of its own.

use deadpool_postgres::tokio_postgres::{Client, Row};
use taskward_core::Timestamp;

use super::connection::Target;
use super::error::corrupt;
use super::{partitions, rows, transfer};
use crate::migrations::plan::{Dialect, Sizes, concerned, planned};
use crate::migrations::{self, Direction, Migration, MigrationPlan, Recorded, Step, migration};
use crate::{AppliedMigration, MigrationStatus, StoreError};

/// The migrations this program carries.
pub(super) const CARRIED: &[Migration] = &[
    migration!("postgres", 1, "0001_tasks"),
    migration!("postgres", 2, "0002_traces"),
    migration!("postgres", 3, "0003_epochs"),
];

/// The advisory lock of whoever migrates: "taskward" in ASCII.
pub(super) const LOCK: i64 = 0x7461_736b_7761_7264;

/// The migrations' own table. `down_sql` is kept so that a program that does not carry a migration can revert it, and
/// so can an operator by hand. Older builds kept less.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer NOT NULL PRIMARY KEY,
    name text NOT NULL,
    checksum bytea NOT NULL,
    down_sql text,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS works_from integer;
ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS down_checksum bytea";

/// What is applied and what is carried. Creates nothing.
pub(super) async fn status(target: &Target) -> Result<MigrationStatus, StoreError> {
    read_status(&target.connect().await?).await
}

/// Plans the way to the version `to`, all the way up by default. Changes nothing.
pub(super) async fn plan(target: &Target, to: Option<u32>) -> Result<MigrationPlan, StoreError> {
    let client = target.connect().await?;
    client.batch_execute("SET statement_timeout = 0; SET default_transaction_read_only = on").await?;
    let recorded = recorded(&client).await?;
    let from = recorded.last().map_or(0, |last| last.applied.version);
    let (direction, steps) = match to {
        Some(to) if to < from => (Direction::Down, migrations::downwards(CARRIED, &recorded, to)?),
        _ => {
            let current = migrations::compare(CARRIED, &recorded)?.current;
            let steps = migrations::upwards(CARRIED, current, to)?.iter().map(Step::from).collect();
            (Direction::Up, steps)
        }
    };
    let steps = planned(Dialect::Postgres, &steps, &sizes(&client, &steps).await?);
    Ok(MigrationPlan::new(direction, from, to, steps))
}

/// Applies migrations up to and including `to`.
pub(super) async fn up(target: &Target, to: Option<u32>) -> Result<Vec<AppliedMigration>, StoreError> {
    let mut client = locked(target).await?;
    let status = read_status(&client).await?;
    complete_records(&client).await?;
    let mut applied = Vec::new();
    for migration in migrations::upwards(CARRIED, status.current, to)? {
        applied.push(apply(&mut client, &migration).await?);
    }
    if status.current.max(applied.last().map_or(0, |last| last.version)) >= 1 {
        partitions::create_ahead(&mut client).await?;
    }
    Ok(applied)
}

/// Reverts migrations down to, not including, `to`.
pub(super) async fn down(target: &Target, to: u32) -> Result<Vec<AppliedMigration>, StoreError> {
    let mut client = locked(target).await?;
    let recorded = recorded(&client).await?;
    let mut reverted = Vec::new();
    for step in migrations::downwards(CARRIED, &recorded, to)? {
        reverted.push(revert(&mut client, &step).await?);
    }
    Ok(reverted)
}

/// A session that holds the lock until it ends. Migrations take the time they need.
async fn locked(target: &Target) -> Result<Client, StoreError> {
    let client = target.connect().await?;
    client.batch_execute("SET statement_timeout = 0").await?;
    client.query("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
    Ok(client)
}

/// Compares what a session sees with this program.
pub(super) async fn read_status(client: &Client) -> Result<MigrationStatus, StoreError> {
    migrations::compare(CARRIED, &recorded(client).await?)
}

/// What the table of records has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Records {
    /// It is not there.
    None,
    /// What an older build kept.
    Old,
    /// Everything.
    Complete,
}

async fn records(client: &Client) -> Result<Records, StoreError> {
    let columns = "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('schema_migrations')
                   AND attname = ANY (ARRAY['version', 'works_from', 'down_checksum'])";
    Ok(match client.query_one(columns, &[]).await?.try_get::<_, i64>(0)? {
        0 => Records::None,
        3 => Records::Complete,
        _ => Records::Old,
    })
}

/// What was applied. A database that a move to it has not finished with is refused.
async fn recorded(client: &Client) -> Result<Vec<Recorded>, StoreError> {
    if let Some(from) = transfer::unfinished(client).await? {
        return Err(StoreError::UnfinishedMove { from });
    }
    read_records(client).await
}

/// Compares with this program, whether a move is finished or not.
pub(super) async fn status_while_moving(client: &Client) -> Result<MigrationStatus, StoreError> {
    migrations::compare(CARRIED, &read_records(client).await?)
}

async fn read_records(client: &Client) -> Result<Vec<Recorded>, StoreError> {
    let kept = match records(client).await? {
        Records::None => return Ok(Vec::new()),
        Records::Complete => "works_from, down_sql, down_checksum",
        Records::Old => "NULL::integer, NULL::text, NULL::bytea",
    };
    let sql =
        format!("SELECT version, name, checksum, applied_at, {kept} FROM schema_migrations ORDER BY version");
    client.query(&sql, &[]).await?.iter().map(record).collect()
}

fn record(row: &Row) -> Result<Recorded, StoreError> {
    let works_from: Option<i32> = row.try_get(4)?;
    let (sql, checksum): (Option<String>, Option<&[u8]>) = (row.try_get(5)?, row.try_get(6)?);
    let checksum = checksum.map(sha256).transpose()?;
    Ok(Recorded {
        applied: applied_migration(row)?,
        works_from: works_from.map(number).transpose()?,
        down: sql.zip(checksum),
    })
}

/// Makes the table of records, or adds to that of an older build what it did not keep. A table that is complete is not
/// altered: that would wait for everybody who reads it.
async fn complete_records(client: &Client) -> Result<(), StoreError> {
    if records(client).await? != Records::Complete {
        client.batch_execute(TABLE).await?;
    }
    let sql = "UPDATE schema_migrations SET works_from = $2, down_sql = $3, down_checksum = $4
               WHERE version = $1 AND down_checksum IS NULL";
    for migration in CARRIED {
        let (version, works_from) = versions(migration)?;
        let checksum = migrations::checksum(migration.down);
        client.execute(sql, &[&version, &works_from, &migration.down, &checksum.as_slice()]).await?;
    }
    Ok(())
}

async fn apply(client: &mut Client, migration: &Migration) -> Result<AppliedMigration, StoreError> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(migration.up).await?;
    let sql = "INSERT INTO schema_migrations (version, name, checksum, works_from, down_sql, down_checksum)
               VALUES ($1, $2, $3, $4, $5, $6) RETURNING version, name, checksum, applied_at";
    let (version, works_from) = versions(migration)?;
    let (checksum, down_checksum) = (migration.checksum(), migrations::checksum(migration.down));
    let row = transaction
        .query_one(
            sql,
            &[
                &version,
                &migration.name,
                &checksum.as_slice(),
                &works_from,
                &migration.down,
                &down_checksum.as_slice(),
            ],
        )
        .await?;
    let applied = applied_migration(&row)?;
    transaction.commit().await?;
    Ok(applied)
}

async fn revert(client: &mut Client, step: &Step) -> Result<AppliedMigration, StoreError> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(&step.sql).await?;
    let sql = "DELETE FROM schema_migrations WHERE version = $1
               RETURNING version, name, checksum, applied_at";
    let version = i32::try_from(step.version).map_err(|_| corrupt("a migration's number"))?;
    let reverted = applied_migration(&transaction.query_one(sql, &[&version]).await?)?;
    transaction.commit().await?;
    Ok(reverted)
}

/// Counts what the steps concern. Names are those of [`concerned`], which are plain words.
async fn sizes(client: &Client, steps: &[Step]) -> Result<Sizes, StoreError> {
    let (tables, columns) = concerned(steps);
    let mut sizes = Sizes::default();
    // A partitioned table has no bytes itself.
    let sql = "SELECT to_regclass($1) IS NOT NULL, coalesce(sum(pg_total_relation_size(part)), 0)::bigint
               FROM (SELECT to_regclass($1) UNION SELECT relid FROM pg_partition_tree(to_regclass($1)))
                   AS parts (part)";
    for table in tables {
        let row = client.query_one(sql, &[&table]).await?;
        let (exists, bytes): (bool, i64) = (row.try_get(0)?, row.try_get(1)?);
        if exists {
            let count = format!("SELECT count(*) FROM {table}");
            let count: i64 = client.query_one(&count, &[]).await?.try_get(0)?;
            sizes.tables.insert(table, (rows::rows(count), rows::rows(bytes)));
        }
    }
    for (table, column) in columns {
        if sizes.tables.contains_key(&table) {
            let count = format!("SELECT count({column}) FROM {table}");
            let count: i64 = client.query_one(&count, &[]).await?.try_get(0)?;
            sizes.values.insert((table, column), rows::rows(count));
        }
    }
    Ok(sizes)
}

fn applied_migration(row: &Row) -> Result<AppliedMigration, StoreError> {
    Ok(AppliedMigration {
        version: number(row.try_get(0)?)?,
        name: row.try_get(1)?,
        checksum: sha256(row.try_get(2)?)?,
        applied_at: row.try_get::<_, Timestamp>(3)?,
    })
}

/// A migration's number, and from which on programs can work on a database that has it.
fn versions(migration: &Migration) -> Result<(i32, i32), StoreError> {
    let number = |version: u32| i32::try_from(version).map_err(|_| corrupt("a migration's number"));
    Ok((number(migration.version)?, number(migrations::works_from(CARRIED, migration))?))
}

fn number(version: i32) -> Result<u32, StoreError> {
    u32::try_from(version).map_err(|_| corrupt("a migration's number"))
}

fn sha256(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| corrupt("a migration's checksum"))
}
