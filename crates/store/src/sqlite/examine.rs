//! Whether a file that nobody uses is a sound database, and what it holds.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::StoreError;
use crate::census::{COUNTERS, Census, Examined};

/// Reads a whole database file: SQLite's own integrity check, and a count of everything. The file must stand
/// alone, as one made by [`super::copy`] does; it is not changed.
///
/// # Errors
/// [`StoreError::Corrupt`] when it is no database, or broken so that it cannot be read.
pub fn examine(path: &Path) -> Result<Examined, StoreError> {
    look(path, "PRAGMA integrity_check(10)")
}

/// The same, except whether each index has an entry for each row, which takes several times as long as all the rest:
/// SQLite's quick check.
///
/// # Errors
/// As [`examine`].
pub fn examine_quickly(path: &Path) -> Result<Examined, StoreError> {
    look(path, "PRAGMA quick_check(10)")
}

fn look(path: &Path, check: &str) -> Result<Examined, StoreError> {
    let connection = open(path)?;
    let mut problems = texts(&connection, check)?;
    problems.retain(|problem| problem != "ok");
    Ok(Examined { census: census(&connection)?, schema: schema(&connection)?, problems })
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(path, flags)?)
}

fn census(connection: &Connection) -> Result<Census, StoreError> {
    let names = texts(
        connection,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let mut census = Census::default();
    for name in names.iter().filter(|name| *name != COUNTERS) {
        let rows: i64 =
            connection.query_row(&format!("SELECT count(*) FROM \"{name}\""), [], |row| row.get(0))?;
        census.tables.insert(name.clone(), rows.unsigned_abs());
    }
    let has = |table: &str| names.iter().any(|name| name == table);
    for table in ["tasks", "history"].into_iter().filter(|table| has(table)) {
        let sql = format!("SELECT state, count(*) FROM {table} GROUP BY state");
        let counted = numbers(connection, &sql)?.into_iter();
        census.states.extend(counted.map(|(state, count)| (state, count.unsigned_abs())));
    }
    if has(COUNTERS) {
        census.counters = numbers(connection, "SELECT state, sum(count) FROM queue_counts GROUP BY state")?;
    }
    Ok(census)
}

fn schema(connection: &Connection) -> Result<u32, StoreError> {
    let applied = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'";
    match connection.query_row(applied, [], |row| row.get(0))? {
        0_i64 => Ok(0),
        _ => {
            let latest = "SELECT coalesce(max(version), 0) FROM schema_migrations";
            Ok(connection.query_row(latest, [], |row| row.get(0))?)
        }
    }
}

fn texts(connection: &Connection, sql: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn numbers(connection: &Connection, sql: &str) -> Result<BTreeMap<String, i64>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
