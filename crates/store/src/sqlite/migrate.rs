//! The schema: which migrations there are, and applying and reverting them.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::{clock, connection, rows, values};
use crate::migrations::{Migration, compare, downwards, migration, upwards};
use crate::{AppliedMigration, MigrationStatus, StoreError, StoreOptions};

/// What this program carries.
pub(super) const MIGRATIONS: &[Migration] =
    &[migration!("sqlite", 1, "0001_tasks"), migration!("sqlite", 2, "0002_traces")];

/// How long to wait for another program that is migrating.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// Compares the database with this program. Creates nothing.
pub(super) fn status(connection: &Connection) -> Result<MigrationStatus, StoreError> {
    compare(MIGRATIONS, applied(connection)?)
}

/// Applies migrations, on a connection of its own: each is a transaction with its record.
pub(super) fn up(
    path: &Path,
    options: &StoreOptions,
    to: Option<u32>,
) -> Result<Vec<AppliedMigration>, StoreError> {
    let _lock = connection::lock(path, LOCK_WAIT)?;
    let mut connection = connection::open_writer(path, options)?;
    let current = status(&connection)?.current;
    upwards(MIGRATIONS, current, to)?.iter().map(|migration| apply(&mut connection, migration)).collect()
}

/// Reverts migrations, latest first.
pub(super) fn down(
    path: &Path,
    options: &StoreOptions,
    to: u32,
) -> Result<Vec<AppliedMigration>, StoreError> {
    let _lock = connection::lock(path, LOCK_WAIT)?;
    let mut connection = connection::open_writer(path, options)?;
    let status = status(&connection)?;
    let mut reverted = Vec::new();
    for migration in downwards(MIGRATIONS, status.current, to)? {
        revert(&mut connection, &migration)?;
        reverted.extend(status.applied.iter().find(|done| done.version == migration.version).cloned());
    }
    Ok(reverted)
}

fn applied(connection: &Connection) -> Result<Vec<AppliedMigration>, StoreError> {
    let table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'";
    if connection.query_row(table, [], |_| Ok(())).optional()?.is_none() {
        return Ok(Vec::new());
    }
    let mut statement = connection
        .prepare("SELECT version, name, checksum, applied_at FROM schema_migrations ORDER BY version")?;
    let found = statement.query_map([], |row| {
        Ok(AppliedMigration {
            version: row.get(0)?,
            name: row.get(1)?,
            checksum: row.get(2)?,
            applied_at: rows::timestamp(row, 3)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn apply(connection: &mut Connection, migration: &Migration) -> Result<AppliedMigration, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(include_str!("schema_migrations.sql"))?;
    transaction.execute_batch(migration.up)?;
    let (checksum, now) = (migration.checksum(), clock::now());
    transaction.execute(
        "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
        (migration.version, migration.name, checksum, now),
    )?;
    transaction.commit()?;
    let applied_at = values::moment(now)?;
    Ok(AppliedMigration { version: migration.version, name: migration.name.to_owned(), checksum, applied_at })
}

fn revert(connection: &mut Connection, migration: &Migration) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(migration.down)?;
    transaction.execute("DELETE FROM schema_migrations WHERE version = ?1", (migration.version,))?;
    Ok(transaction.commit()?)
}
