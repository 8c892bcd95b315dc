//! The schema: which migrations there are, and applying and reverting them.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior};

use super::{clock, connection, rows, transfer, values};
use crate::migrations::plan::{Dialect, Sizes, concerned, planned};
use crate::migrations::{
    self, Direction, Migration, MigrationPlan, Recorded, Step, compare, downwards, migration, upwards,
};
use crate::{AppliedMigration, MigrationStatus, StoreError, StoreOptions};

/// What this program carries.
pub(super) const MIGRATIONS: &[Migration] = &[
    migration!("sqlite", 1, "0001_tasks"),
    migration!("sqlite", 2, "0002_traces"),
    migration!("sqlite", 3, "0003_epochs"),
];

/// The newest version of the schema that this program carries, of either database.
#[must_use]
pub fn newest_schema() -> u32 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// How long to wait for another program that is migrating.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(30);

/// Compares the database with this program. Creates nothing.
pub(super) fn status(connection: &Connection) -> Result<MigrationStatus, StoreError> {
    compare(MIGRATIONS, &recorded(connection)?)
}

/// Plans the way to the version `to`, all the way up by default. Changes nothing.
pub(super) fn plan(connection: &Connection, to: Option<u32>) -> Result<MigrationPlan, StoreError> {
    let recorded = recorded(connection)?;
    let from = recorded.last().map_or(0, |last| last.applied.version);
    let (direction, steps) = match to {
        Some(to) if to < from => (Direction::Down, downwards(MIGRATIONS, &recorded, to)?),
        _ => {
            let current = compare(MIGRATIONS, &recorded)?.current;
            (Direction::Up, upwards(MIGRATIONS, current, to)?.iter().map(Step::from).collect())
        }
    };
    let steps = planned(Dialect::Sqlite, &steps, &sizes(connection, &steps)?);
    Ok(MigrationPlan::new(direction, from, to, steps))
}

/// Applies migrations, on a connection of its own: each is a transaction with its record.
pub(super) fn up(
    path: &Path,
    options: &StoreOptions,
    to: Option<u32>,
) -> Result<Vec<AppliedMigration>, StoreError> {
    let _lock = connection::lock(path, LOCK_WAIT)?;
    let mut connection = connection::open_writer(path, options)?;
    let status = status(&connection)?;
    if status.current > 0 {
        complete_records(&mut connection)?;
    }
    upwards(MIGRATIONS, status.current, to)?
        .iter()
        .map(|migration| apply(&mut connection, migration))
        .collect()
}

/// Reverts migrations, latest first.
pub(super) fn down(
    path: &Path,
    options: &StoreOptions,
    to: u32,
) -> Result<Vec<AppliedMigration>, StoreError> {
    let _lock = connection::lock(path, LOCK_WAIT)?;
    let mut connection = connection::open_writer(path, options)?;
    let recorded = recorded(&connection)?;
    let mut reverted = Vec::new();
    for step in downwards(MIGRATIONS, &recorded, to)? {
        revert(&mut connection, &step)?;
        let done = recorded.iter().find(|done| done.applied.version == step.version);
        reverted.extend(done.map(|done| done.applied.clone()));
    }
    Ok(reverted)
}

pub(super) fn has_table(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    Ok(connection.query_row(sql, [name], |_| Ok(())).optional()?.is_some())
}

/// Whether the records are those of a build that kept how to revert. A database may be older.
fn keeps_down(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM pragma_table_info('schema_migrations') WHERE name = 'down_sql'";
    Ok(connection.query_row(sql, [], |_| Ok(())).optional()?.is_some())
}

/// What was applied. A database that a move to it has not finished with is refused.
fn recorded(connection: &Connection) -> Result<Vec<Recorded>, StoreError> {
    if let Some(from) = transfer::unfinished(connection)? {
        return Err(StoreError::UnfinishedMove { from });
    }
    read_records(connection)
}

/// Compares with this program, whether a move is finished or not.
pub(super) fn status_while_moving(connection: &Connection) -> Result<MigrationStatus, StoreError> {
    compare(MIGRATIONS, &read_records(connection)?)
}

fn read_records(connection: &Connection) -> Result<Vec<Recorded>, StoreError> {
    if !has_table(connection, "schema_migrations")? {
        return Ok(Vec::new());
    }
    let kept =
        if keeps_down(connection)? { "works_from, down_sql, down_checksum" } else { "NULL, NULL, NULL" };
    let sql =
        format!("SELECT version, name, checksum, applied_at, {kept} FROM schema_migrations ORDER BY version");
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_map([], record)?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn record(row: &Row<'_>) -> rusqlite::Result<Recorded> {
    let (sql, checksum): (Option<String>, Option<[u8; 32]>) = (row.get(5)?, row.get(6)?);
    Ok(Recorded {
        applied: AppliedMigration {
            version: row.get(0)?,
            name: row.get(1)?,
            checksum: row.get(2)?,
            applied_at: rows::timestamp(row, 3)?,
        },
        works_from: row.get(4)?,
        down: sql.zip(checksum),
    })
}

/// Adds to the records of an older build what that build did not keep.
fn complete_records(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !keeps_down(&transaction)? {
        transaction.execute_batch(
            "ALTER TABLE schema_migrations ADD COLUMN works_from INTEGER;
             ALTER TABLE schema_migrations ADD COLUMN down_sql TEXT;
             ALTER TABLE schema_migrations ADD COLUMN down_checksum BLOB CHECK (length(down_checksum) = 32);",
        )?;
    }
    for migration in MIGRATIONS {
        transaction.execute(
            "UPDATE schema_migrations SET works_from = ?2, down_sql = ?3, down_checksum = ?4
             WHERE version = ?1 AND down_checksum IS NULL",
            (
                migration.version,
                migrations::works_from(MIGRATIONS, migration),
                migration.down,
                migrations::checksum(migration.down),
            ),
        )?;
    }
    Ok(transaction.commit()?)
}

fn apply(connection: &mut Connection, migration: &Migration) -> Result<AppliedMigration, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(include_str!("schema_migrations.sql"))?;
    transaction.execute_batch(migration.up)?;
    let (checksum, now) = (migration.checksum(), clock::now());
    transaction.execute(
        "INSERT INTO schema_migrations (version, name, checksum, applied_at, works_from, down_sql, down_checksum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (
            migration.version,
            migration.name,
            checksum,
            now,
            migrations::works_from(MIGRATIONS, migration),
            migration.down,
            migrations::checksum(migration.down),
        ),
    )?;
    transaction.commit()?;
    let applied_at = values::moment(now)?;
    Ok(AppliedMigration { version: migration.version, name: migration.name.to_owned(), checksum, applied_at })
}

fn revert(connection: &mut Connection, step: &Step) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(&step.sql)?;
    transaction.execute("DELETE FROM schema_migrations WHERE version = ?1", (step.version,))?;
    Ok(transaction.commit()?)
}

/// Counts what the steps concern. Names are those of [`concerned`], which are plain words.
fn sizes(connection: &Connection, steps: &[Step]) -> Result<Sizes, StoreError> {
    let (tables, columns) = concerned(steps);
    let number = |sql: &str| -> Result<u64, StoreError> {
        let number: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(u64::try_from(number).unwrap_or(0))
    };
    let mut sizes = Sizes::default();
    for table in tables {
        if has_table(connection, &table)? {
            let rows = number(&format!("SELECT count(*) FROM {table}"))?;
            let bytes = number(&format!(
                "SELECT coalesce(sum(pgsize), 0) FROM dbstat
                 WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name = '{table}') AND aggregate = TRUE"
            ))?;
            sizes.tables.insert(table, (rows, bytes));
        }
    }
    for (table, column) in columns {
        if sizes.tables.contains_key(&table) {
            let values = number(&format!("SELECT count({column}) FROM {table}"))?;
            sizes.values.insert((table, column), values);
        }
    }
    Ok(sizes)
}
