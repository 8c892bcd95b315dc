//! Whether a file that nobody uses is a sound database, and what it holds.
//!
//! Two connections read the file at once, each on a thread of its own: one runs SQLite's quick check, the other counts, and
//! compares indexes with their tables. What `PRAGMA integrity_check` looks for is all looked for, in half of the time:
//!
//! | `PRAGMA integrity_check` | here |
//! |---|---|
//! | the structure of every tree, the free list, each page used once, as many entries as rows | `PRAGMA quick_check` |
//! | types, NOT NULL and CHECK of each row | `PRAGMA quick_check` |
//! | each row is found in each index, by a search | `contents`: each index has just the entries that the rows make, in order |
//! | UNIQUE | `contents`: no two neighbours have the same key |
//! | the order of a table WITHOUT ROWID, and whatever else is not plain | `PRAGMA integrity_check` of that table |
//!
//! Each connection has SQLite's page cache of 2 MiB, whatever the file's size.

mod contents;
mod index;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::panic;
use std::path::Path;
use std::thread;

use rusqlite::{Connection, OpenFlags};

use self::contents::Contents;
use self::index::Index;
use crate::StoreError;
use crate::census::{COUNTERS, Census, Examined};

/// How many problems are told, of each kind of check.
const PROBLEMS_MAX: usize = 10;

/// The tables whose rows are tasks, and have a state.
const TASKS: [&str; 2] = ["tasks", "history"];

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// All but what indexes contain.
    Quick,
    Full,
}

/// Reads a whole database file: all that SQLite's own integrity check looks for, and a count of everything. The file must
/// stand alone, as one made by [`super::copy`] does; it is not changed.
///
/// # Errors
/// [`StoreError::Corrupt`] when it is no database, or broken so that it cannot be read.
pub fn examine(path: &Path) -> Result<Examined, StoreError> {
    look(path, Depth::Full)
}

/// The same, except whether each index has an entry for each row: SQLite's quick check.
///
/// # Errors
/// As [`examine`].
pub fn examine_quickly(path: &Path) -> Result<Examined, StoreError> {
    look(path, Depth::Quick)
}

fn look(path: &Path, depth: Depth) -> Result<Examined, StoreError> {
    let (structure, counted) = thread::scope(|scope| {
        let structure = scope.spawn(|| said(&open(path)?, &format!("PRAGMA quick_check({PROBLEMS_MAX})")));
        let counted = open(path).and_then(|connection| count(&connection, depth));
        (structure.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)), counted)
    });
    let mut problems = structure?;
    let mut examined = counted?;
    problems.append(&mut examined.problems);
    Ok(Examined { problems, ..examined })
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(path, flags)?)
}

/// Reads every table, and in full depth its indexes.
fn count(connection: &Connection, depth: Depth) -> Result<Examined, StoreError> {
    let names = texts(
        connection,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let (mut census, mut problems) = (Census::default(), Vec::new());
    for name in &names {
        let indexes = match depth {
            Depth::Quick => Some(Vec::new()),
            Depth::Full => index::of(connection, name)?,
        };
        let contents = read_table(connection, name, indexes, &mut problems)?;
        if name != COUNTERS {
            census.tables.insert(name.clone(), contents.rows);
        }
        census.states.extend(contents.states);
    }
    if names.iter().any(|name| name == COUNTERS) {
        census.counters = numbers(connection, "SELECT state, sum(count) FROM queue_counts GROUP BY state")?;
    }
    Ok(Examined { census, schema: schema(connection)?, problems })
}

/// Reads a table and compares these indexes with it; `None` for one whose indexes only SQLite can compare.
fn read_table(
    connection: &Connection,
    name: &str,
    indexes: Option<Vec<Index>>,
    problems: &mut Vec<String>,
) -> Result<Contents, StoreError> {
    if indexes.is_none() {
        let check = format!("PRAGMA integrity_check({})", quoted(name));
        problems.extend(said(connection, &check)?.into_iter().take(PROBLEMS_MAX));
    }
    let indexes = indexes.unwrap_or_default();
    let is_of_tasks = TASKS.contains(&name);
    if indexes.is_empty() && !is_of_tasks {
        let sql = format!("SELECT count(*) FROM {}", quoted(name));
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        return Ok(Contents { rows: rows.unsigned_abs(), ..Contents::default() });
    }
    let contents = contents::read(connection, name, is_of_tasks, &indexes)?;
    for (index, expected) in indexes.iter().zip(&contents.expected) {
        problems.extend(contents::compare(connection, name, index, *expected)?);
    }
    Ok(contents)
}

/// What a check says is wrong.
fn said(connection: &Connection, check: &str) -> Result<Vec<String>, StoreError> {
    let mut problems = texts(connection, check)?;
    problems.retain(|problem| problem != "ok");
    Ok(problems)
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

/// A name as SQL has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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
