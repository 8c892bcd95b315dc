//! The invariants, asked of a SQLite file.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::{Connection, Transaction};
use uuid::Uuid;

use super::{blocking, connection, migrate};
use crate::check::{
    ATTEMPTS, COUNTS, COUNTS_BALANCE, COUNTS_HISTORY, CheckOptions, CheckProgress, Checked, EPOCHS, EXPIRY,
    HISTORY, Invariant, LEASES, ONE_PLACE, SCHEMA, STORAGE, UNIQUE_KEYS, Verdict, Violation, Violations,
    failed, missing, verdict,
};
use crate::{StoreError, StoreOptions, migrations};

/// Each answers a row for each violation: the task's id or NULL, and what is there.
const QUERIES: [(Invariant, &str); 10] = [
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
];

/// SQLite's virtual machine looks at the deadline once in this many of its steps.
const STEPS_PER_CHECK: i32 = 10_000;

/// Checks a file, which must exist. It is opened for reading only.
pub(crate) async fn check(path: PathBuf, options: CheckOptions) -> Result<Vec<Checked>, StoreError> {
    blocking(move || check_file(&path, &options)).await
}

fn check_file(path: &Path, options: &CheckOptions) -> Result<Vec<Checked>, StoreError> {
    let store = StoreOptions { connect_timeout: options.connect_timeout, ..StoreOptions::default() };
    let mut connection = match connection::open_reader(path, &store) {
        Ok(connection) => connection,
        Err(error) => return unreadable(error),
    };
    let deadline = Instant::now() + options.time_limit;
    connection.progress_handler(STEPS_PER_CHECK, Some(move || Instant::now() >= deadline))?;
    let snapshot = connection.transaction()?;
    match migrate::status(&snapshot) {
        Ok(status) => migrations::require_current(&status)?,
        Err(error) => return unreadable(error),
    }

    let queries: Vec<_> = QUERIES.iter().filter(|(invariant, _)| options.scope.has(*invariant)).collect();
    let reads_file = options.scope.has(STORAGE);
    let total = 1 + queries.len() + usize::from(reads_file);
    let mut checked = Vec::with_capacity(total);
    let mut look = |invariant: Invariant, find: &dyn Fn() -> Result<Verdict, StoreError>| {
        (options.observe)(CheckProgress { done: checked.len(), total, invariant });
        let verdict = if Instant::now() >= deadline { Err(StoreError::Timeout) } else { find() };
        let verdict = verdict.or_else(failed)?;
        checked.push(Checked { invariant, verdict });
        Ok::<_, StoreError>(())
    };
    look(SCHEMA, &|| Ok(missing(migrate::MIGRATIONS, &objects(&snapshot)?)))?;
    for (invariant, sql) in queries {
        look(*invariant, &|| query(&snapshot, sql, options.examples_max))?;
    }
    // Last, since it reads the whole file.
    if reads_file {
        look(STORAGE, &|| storage(&snapshot, options.examples_max))?;
    }
    Ok(checked)
}

/// A file that is no database any more: that is what is found, and nothing else can be asked of it.
fn unreadable(error: StoreError) -> Result<Vec<Checked>, StoreError> {
    match error {
        StoreError::Corrupt(_) => Ok(vec![Checked { invariant: STORAGE, verdict: failed(error)? }]),
        other => Err(other),
    }
}

fn objects(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type IN ('table', 'index')")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn query(snapshot: &Transaction<'_>, sql: &str, examples_max: usize) -> Result<Verdict, StoreError> {
    let mut statement = snapshot.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut violations = Violations::default();
    while let Some(row) = rows.next()? {
        let id: Option<Vec<u8>> = row.get(0)?;
        let task = id.and_then(|id| Uuid::from_slice(&id).ok());
        violations.add(Violation { task, what: row.get(1)? }, examples_max);
    }
    Ok(verdict(violations))
}

fn storage(snapshot: &Transaction<'_>, examples_max: usize) -> Result<Verdict, StoreError> {
    let mut statement = snapshot.prepare("PRAGMA integrity_check")?;
    let mut rows = statement.query([])?;
    let mut violations = Violations::default();
    while let Some(row) = rows.next()? {
        let what: String = row.get(0)?;
        if what != "ok" {
            violations.add(Violation { task: None, what }, examples_max);
        }
    }
    Ok(verdict(violations))
}
