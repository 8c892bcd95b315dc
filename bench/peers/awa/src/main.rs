//! Awa on its queue storage. Tasks have no deadline, which its documentation calls the hot path.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use awa::model::{QueueStorage, QueueStorageConfig, insert, migrations};
use awa::{Client, InsertOpts, InsertParams, JobArgs, JobResult, QueueConfig};
use bench_driver::{Peer, Producer, Progress, Worker, run};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::{PgPool, PgPoolOptions};

const QUEUE: &str = "bench";
const WORKERS: u32 = 512;
/// Of the queue's head, for producers that would otherwise wait for each other: its ADR-025.
const SHARDS: i16 = 8;

#[derive(Debug, Serialize, Deserialize, JobArgs)]
struct Noop {
    at: f64,
    pad: String,
}

fn job(payload: Value) -> Result<InsertParams> {
    let args: Noop = serde_json::from_value(payload)?;
    Ok(insert::params_with(&args, InsertOpts { queue: QUEUE.into(), ..InsertOpts::default() })?)
}

fn storage() -> Result<QueueStorage> {
    Ok(QueueStorage::new(QueueStorageConfig::default())?)
}

struct Awa {
    url: String,
}

impl Awa {
    async fn pool(&self, connections: u32) -> Result<PgPool> {
        Ok(PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(connections)
            .connect(&self.url)
            .await?)
    }
}

struct Adder {
    pool: PgPool,
    storage: QueueStorage,
}

impl Producer for Adder {
    async fn add(&self, payload: Value) -> Result<()> {
        self.storage.enqueue_params_batch(&self.pool, &[job(payload)?]).await?;
        Ok(())
    }

    async fn add_many(&self, payloads: Vec<Value>) -> Result<()> {
        let jobs = payloads.into_iter().map(job).collect::<Result<Vec<_>>>()?;
        self.storage.enqueue_params_copy(&self.pool, &jobs).await?;
        Ok(())
    }
}

struct Running(Client);

impl Worker for Running {
    async fn stop(self) -> Result<()> {
        self.0.shutdown(Duration::from_secs(5)).await;
        Ok(())
    }
}

impl Peer for Awa {
    type Producer = Adder;
    type Worker = Running;

    async fn prepare(&self) -> Result<()> {
        let pool = self.pool(2).await?;
        migrations::run(&pool).await?;
        storage()?.install(&pool).await?;
        sqlx::query("INSERT INTO awa.queue_meta (queue, enqueue_shards) VALUES ($1, $2)")
            .bind(QUEUE)
            .bind(SHARDS)
            .execute(&pool)
            .await?;
        Ok(())
    }

    async fn producer(&self, connections: u32) -> Result<Adder> {
        Ok(Adder { pool: self.pool(connections).await?, storage: storage()? })
    }

    async fn worker(&self, progress: Arc<Progress>) -> Result<Running> {
        let queue = QueueConfig {
            max_workers: WORKERS,
            poll_interval: Duration::from_millis(50),
            deadline_duration: Duration::ZERO,
            ..QueueConfig::default()
        };
        let client = Client::builder(self.pool(20).await?)
            .queue(QUEUE, queue)
            .register::<Noop, _, _>(move |task, _context| {
                progress.handle(task.at);
                async { Ok(JobResult::Completed) }
            })
            .build()?;
        client.start().await?;
        Ok(Running(client))
    }

    async fn remaining(&self) -> Result<i64> {
        let counts = storage()?.queue_counts(&self.pool(1).await?, QUEUE).await?;
        Ok(counts.available + counts.running)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    run(Awa { url: std::env::var("DATABASE_URL")? }).await
}
