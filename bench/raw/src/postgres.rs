//! PostgreSQL through tokio-postgres, statements prepared.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bench_driver::payload;
use futures_util::future::try_join_all;
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

use crate::Run;

const SCHEMA: &str = "
    DROP TABLE IF EXISTS tasks;
    CREATE TABLE tasks (
        id uuid PRIMARY KEY,
        queue text NOT NULL,
        priority smallint NOT NULL,
        run_at timestamptz NOT NULL,
        state text NOT NULL,
        payload text NOT NULL
    );
    CREATE INDEX tasks_ready ON tasks (queue, priority, run_at) WHERE state = 'ready';
";
const INSERT: &str = "INSERT INTO tasks SELECT id, 'bench', 5, now(), 'ready', $2 FROM unnest($1::uuid[]) id";
const INSERT_NOTIFY: &str = "
    WITH added AS (INSERT INTO tasks SELECT id, 'bench', 5, now(), 'ready', $2 FROM unnest($1::uuid[]) id
    RETURNING queue) SELECT pg_notify('bench', queue) FROM added";
const CLAIM: &str = "
    WITH picked AS (
        SELECT id FROM tasks WHERE queue = 'bench' AND state = 'ready' AND run_at <= now()
        ORDER BY priority, run_at LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    UPDATE tasks SET state = 'running' FROM picked WHERE tasks.id = picked.id RETURNING tasks.id, tasks.payload";
const DELETE: &str = "DELETE FROM tasks WHERE id = ANY($1)";
const FINISH: &str = "UPDATE tasks SET state = 'completed' WHERE id = ANY($1)";

/// A connection and the statements it has prepared.
struct Lane {
    client: Client,
    insert: Statement,
    insert_notify: Statement,
    claim: Statement,
    delete: Statement,
    finish: Statement,
    payload: String,
}

impl Lane {
    async fn open(client: Client) -> Result<Self> {
        Ok(Self {
            insert: client.prepare(INSERT).await?,
            insert_notify: client.prepare(INSERT_NOTIFY).await?,
            claim: client.prepare(CLAIM).await?,
            delete: client.prepare(DELETE).await?,
            finish: client.prepare(FINISH).await?,
            payload: payload(0.0).to_string(),
            client,
        })
    }

    async fn insert(&self, statement: &Statement, rows: usize) -> Result<Vec<Uuid>> {
        let ids: Vec<Uuid> = (0..rows).map(|_| Uuid::now_v7()).collect();
        self.client.query(statement, &[&ids, &self.payload]).await?;
        Ok(ids)
    }

    async fn claim(&self, rows: usize) -> Result<Vec<Uuid>> {
        let claimed = self.client.query(&self.claim, &[&i64::try_from(rows)?]).await?;
        Ok(claimed.iter().map(|row| row.get(0)).collect())
    }

    async fn on_ids(&self, statement: &Statement, ids: &[Uuid]) -> Result<()> {
        self.client.execute(statement, &[&ids]).await?;
        Ok(())
    }

    /// One step of a limit: how many rows it moved. `taken` is where ids to delete come from.
    async fn step(&self, operation: &str, batch: usize, taken: &Mutex<Vec<Uuid>>) -> Result<usize> {
        match operation {
            "insert" => Ok(self.insert(&self.insert, batch).await?.len()),
            "notify" => Ok(self.insert(&self.insert_notify, batch).await?.len()),
            "claim" => Ok(self.claim(batch).await?.len()),
            "delete" => {
                let ids = take(taken, batch);
                self.on_ids(&self.delete, &ids).await?;
                Ok(ids.len())
            }
            "drain" => self.claim_and(&self.delete, batch).await,
            "drainkeep" => self.claim_and(&self.finish, batch).await,
            "steady" => {
                self.insert(&self.insert, batch).await?;
                self.claim_and(&self.delete, batch).await
            }
            _ => bail!("no such limit: postgres-{operation}"),
        }
    }

    /// Steps until time is up, or without an end until there is nothing left to do.
    async fn steps(
        self,
        operation: String,
        batch: usize,
        taken: Arc<Mutex<Vec<Uuid>>>,
        ends: Option<Instant>,
    ) -> Result<usize> {
        let mut count = 0;
        loop {
            let moved = self.step(&operation, batch, &taken).await?;
            count += moved;
            let over = ends.map_or(moved == 0, |ends| Instant::now() >= ends);
            if over {
                return Ok(count);
            }
        }
    }

    async fn claim_and(&self, finish: &Statement, batch: usize) -> Result<usize> {
        let ids = self.claim(batch).await?;
        if !ids.is_empty() {
            self.on_ids(finish, &ids).await?;
        }
        Ok(ids.len())
    }
}

fn take(ids: &Mutex<Vec<Uuid>>, count: usize) -> Vec<Uuid> {
    let mut ids = ids.lock().expect("no lane panics");
    let keep = ids.len() - count.min(ids.len());
    ids.split_off(keep)
}

async fn connect() -> Result<Client> {
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

pub(crate) async fn measure(operation: &str, run: &Run) -> Result<(usize, Duration)> {
    connect().await?.batch_execute(SCHEMA).await?;
    let lanes = try_join_all((0..run.clients).map(|_| async { Lane::open(connect().await?).await })).await?;
    let adds = matches!(operation, "insert" | "notify" | "steady");
    let ids = Arc::new(Mutex::new(if adds { Vec::new() } else { fill(&lanes[0], run.rows).await? }));
    let start = Instant::now();
    let ends = adds.then(|| start + run.time);
    let running = lanes.into_iter().map(|lane| {
        let (operation, ids) = (operation.to_owned(), Arc::clone(&ids));
        tokio::spawn(lane.steps(operation, run.batch, ids, ends))
    });
    let counts = try_join_all(running).await?.into_iter().collect::<Result<Vec<_>>>()?;
    Ok((counts.iter().sum(), start.elapsed()))
}

async fn fill(lane: &Lane, rows: usize) -> Result<Vec<Uuid>> {
    let mut ids = Vec::with_capacity(rows);
    while ids.len() < rows {
        ids.extend(lane.insert(&lane.insert, 1000.min(rows - ids.len())).await?);
    }
    for statement in ["VACUUM ANALYZE tasks", "CHECKPOINT"] {
        lane.client.batch_execute(statement).await?;
    }
    Ok(ids)
}
