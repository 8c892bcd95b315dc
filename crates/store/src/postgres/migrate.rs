//! Applies and reverts migrations, on a connection of its own.

use deadpool_postgres::tokio_postgres::{Client, Row};
use taskward_core::Timestamp;

use super::connection::Target;
use super::error::corrupt;
use super::partitions;
use crate::migrations::{self, Migration, migration};
use crate::{AppliedMigration, MigrationStatus, StoreError};

/// The migrations this program carries.
const CARRIED: [Migration; 2] =
    [migration!("postgres", 1, "0001_tasks"), migration!("postgres", 2, "0002_traces")];

/// The advisory lock of whoever migrates: "taskward" in ASCII.
const LOCK: i64 = 0x7461_736b_7761_7264;

/// The migrations' own table. `down_sql` is kept so that an operator can revert by hand what a program
/// that is gone has applied.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer NOT NULL PRIMARY KEY,
    name text NOT NULL,
    checksum bytea NOT NULL,
    down_sql text,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)";

/// What is applied and what is carried. Creates nothing.
pub(super) async fn status(target: &Target) -> Result<MigrationStatus, StoreError> {
    read_status(&target.connect().await?).await
}

/// Applies migrations up to and including `to`.
pub(super) async fn up(target: &Target, to: Option<u32>) -> Result<Vec<AppliedMigration>, StoreError> {
    let mut client = locked(target).await?;
    client.batch_execute(TABLE).await?;
    let status = read_status(&client).await?;
    let mut applied = Vec::new();
    for migration in migrations::upwards(&CARRIED, status.current, to)? {
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
    let status = read_status(&client).await?;
    let mut reverted = Vec::new();
    for migration in migrations::downwards(&CARRIED, status.current, to)? {
        reverted.push(revert(&mut client, &migration).await?);
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

async fn read_status(client: &Client) -> Result<MigrationStatus, StoreError> {
    let exists: bool =
        client.query_one("SELECT to_regclass('schema_migrations') IS NOT NULL", &[]).await?.try_get(0)?;
    let mut applied = Vec::new();
    if exists {
        let sql = "SELECT version, name, checksum, applied_at FROM schema_migrations ORDER BY version";
        for row in client.query(sql, &[]).await? {
            applied.push(applied_migration(&row)?);
        }
    }
    migrations::compare(&CARRIED, applied)
}

async fn apply(client: &mut Client, migration: &Migration) -> Result<AppliedMigration, StoreError> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(migration.up).await?;
    let sql = "INSERT INTO schema_migrations (version, name, checksum, down_sql) VALUES ($1, $2, $3, $4)
               RETURNING version, name, checksum, applied_at";
    let version = i32::try_from(migration.version).map_err(|_| corrupt("a migration's number"))?;
    let checksum = migration.checksum();
    let row = transaction
        .query_one(sql, &[&version, &migration.name, &checksum.as_slice(), &migration.down])
        .await?;
    let applied = applied_migration(&row)?;
    transaction.commit().await?;
    Ok(applied)
}

async fn revert(client: &mut Client, migration: &Migration) -> Result<AppliedMigration, StoreError> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(migration.down).await?;
    let sql = "DELETE FROM schema_migrations WHERE version = $1
               RETURNING version, name, checksum, applied_at";
    let version = i32::try_from(migration.version).map_err(|_| corrupt("a migration's number"))?;
    let reverted = applied_migration(&transaction.query_one(sql, &[&version]).await?)?;
    transaction.commit().await?;
    Ok(reverted)
}

fn applied_migration(row: &Row) -> Result<AppliedMigration, StoreError> {
    let version: i32 = row.try_get(0)?;
    let checksum: &[u8] = row.try_get(2)?;
    Ok(AppliedMigration {
        version: u32::try_from(version).map_err(|_| corrupt("a migration's number"))?,
        name: row.try_get(1)?,
        checksum: checksum.try_into().map_err(|_| corrupt("a migration's checksum"))?,
        applied_at: row.try_get::<_, Timestamp>(3)?,
    })
}
