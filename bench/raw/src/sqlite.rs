//! One connection to a SQLite file in WAL mode, every commit synced.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bench_driver::payload;
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::Run;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE tasks (
        id BLOB PRIMARY KEY,
        queue TEXT NOT NULL,
        priority INTEGER NOT NULL,
        run_at INTEGER NOT NULL,
        state TEXT NOT NULL,
        payload TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX tasks_ready ON tasks (queue, priority, run_at) WHERE state = 'ready';
";
const INSERT: &str = "INSERT INTO tasks VALUES (?1, 'bench', 5, 0, 'ready', ?2)";
const CLAIM: &str = "
    UPDATE tasks SET state = 'running' WHERE id IN (
        SELECT id FROM tasks WHERE queue = 'bench' AND state = 'ready' AND run_at <= 1
        ORDER BY priority, run_at LIMIT ?1
    ) RETURNING id, payload";
const DELETE: &str = "DELETE FROM tasks WHERE id = ?1";

pub(crate) fn measure(operation: &str, run: &Run, folder: &Path) -> Result<(usize, Duration)> {
    let path = folder.join("raw.db");
    let mut connection = Connection::open(&path)?;
    connection.execute_batch(SCHEMA)?;
    let measured = match operation {
        "insert" => insert_for(&mut connection, run),
        "claim" => {
            fill(&mut connection, run.rows)?;
            until_empty(|| claim(&mut connection, run.batch).map(|ids| ids.len()))
        }
        "delete" => {
            let mut ids = fill(&mut connection, run.rows)?;
            until_empty(|| delete(&mut connection, &mut ids, run.batch))
        }
        _ => bail!("no such limit: sqlite-{operation}"),
    };
    drop(connection);
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.join(format!("raw.db{suffix}")));
    }
    measured
}

fn insert_for(connection: &mut Connection, run: &Run) -> Result<(usize, Duration)> {
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < run.time {
        insert(connection, run.batch)?;
        count += run.batch;
    }
    Ok((count, start.elapsed()))
}

fn insert(connection: &mut Connection, rows: usize) -> Result<Vec<[u8; 16]>> {
    let payload = payload(0.0).to_string();
    let ids: Vec<[u8; 16]> = (0..rows).map(|_| Uuid::now_v7().into_bytes()).collect();
    let transaction = connection.transaction()?;
    let mut statement = transaction.prepare_cached(INSERT)?;
    for id in &ids {
        statement.execute(params![id, payload])?;
    }
    drop(statement);
    transaction.commit()?;
    Ok(ids)
}

fn fill(connection: &mut Connection, rows: usize) -> Result<Vec<[u8; 16]>> {
    let ids = insert(connection, rows)?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); ANALYZE")?;
    Ok(ids)
}

fn until_empty(mut step: impl FnMut() -> Result<usize>) -> Result<(usize, Duration)> {
    let start = Instant::now();
    let mut count = 0;
    loop {
        let done = step()?;
        if done == 0 {
            return Ok((count, start.elapsed()));
        }
        count += done;
    }
}

fn claim(connection: &mut Connection, rows: usize) -> Result<Vec<(Vec<u8>, String)>> {
    let mut statement = connection.prepare_cached(CLAIM)?;
    let claimed = statement.query_map([i64::try_from(rows)?], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(claimed.collect::<rusqlite::Result<_>>()?)
}

fn delete(connection: &mut Connection, ids: &mut Vec<[u8; 16]>, rows: usize) -> Result<usize> {
    let batch = ids.split_off(ids.len() - rows.min(ids.len()));
    let transaction = connection.transaction()?;
    let mut statement = transaction.prepare_cached(DELETE)?;
    for id in &batch {
        statement.execute([id])?;
    }
    drop(statement);
    transaction.commit()?;
    Ok(batch.len())
}
