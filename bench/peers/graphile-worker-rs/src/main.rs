//! The Rust port of Graphile Worker, set as its guide's "throughput-oriented worker" is, with larger numbers for
//! tasks that do nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bench_driver::{Peer, Producer, Progress, Worker, run};
use graphile_worker::worker_utils::WorkerUtils;
use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, RawJobSpec, RefetchDelayConfig, TaskHandler,
    WorkerContext, WorkerOptions,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const SCHEMA: &str = "graphile_worker";

#[derive(Deserialize, Serialize)]
struct Noop {
    at: f64,
    pad: String,
}

impl TaskHandler for Noop {
    const IDENTIFIER: &'static str = "noop";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(progress) = context.get_ext::<Arc<Progress>>() {
            progress.handle(self.at);
        }
        Ok::<(), String>(())
    }
}

struct Graphile {
    url: String,
}

impl Graphile {
    async fn pool(&self, connections: u32) -> Result<PgPool> {
        Ok(PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(connections)
            .connect(&self.url)
            .await?)
    }
}

struct Adder(WorkerUtils);

impl Producer for Adder {
    async fn add(&self, payload: Value) -> Result<()> {
        self.0.add_raw_job(Noop::IDENTIFIER, payload, JobSpec::default()).await?;
        Ok(())
    }

    async fn add_many(&self, payloads: Vec<Value>) -> Result<()> {
        let job =
            |payload| RawJobSpec { identifier: Noop::IDENTIFIER.into(), payload, spec: JobSpec::default() };
        self.0.add_raw_jobs(&payloads.into_iter().map(job).collect::<Vec<_>>()).await?;
        Ok(())
    }
}

struct Running {
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Worker for Running {
    async fn stop(self) -> Result<()> {
        let _ = self.shutdown.send(());
        self.task.await?
    }
}

impl Peer for Graphile {
    type Producer = Adder;
    type Worker = Running;

    async fn prepare(&self) -> Result<()> {
        WorkerUtils::new(self.pool(1).await?, SCHEMA).migrate().await?;
        Ok(())
    }

    async fn producer(&self, connections: u32) -> Result<Adder> {
        Ok(Adder(WorkerUtils::new(self.pool(connections).await?, SCHEMA)))
    }

    async fn worker(&self, progress: Arc<Progress>) -> Result<Running> {
        let (shutdown, told) = oneshot::channel();
        let refetch = RefetchDelayConfig::default().with_duration(Duration::from_millis(10));
        let worker = WorkerOptions::default()
            .schema(SCHEMA)
            .concurrency(24)
            .poll_interval(Duration::from_millis(500))
            .complete_job_batch_delay(Duration::from_millis(1))
            .fail_job_batch_delay(Duration::from_millis(1))
            .local_queue(LocalQueueConfig::default().with_size(500).with_refetch_delay(refetch))
            .listen_os_shutdown_signals(false)
            .shutdown_signal(async move {
                let _ = told.await;
            })
            .add_extension(progress)
            .define_job::<Noop>()
            .pg_pool(self.pool(26).await?)
            .init()
            .await?;
        let task = tokio::spawn(async move { worker.run().await.map_err(anyhow::Error::from) });
        Ok(Running { shutdown, task })
    }

    async fn remaining(&self) -> Result<i64> {
        let pool = self.pool(1).await?;
        Ok(sqlx::query_scalar("SELECT count(*) FROM graphile_worker._private_jobs").fetch_one(&pool).await?)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    run(Graphile { url: std::env::var("DATABASE_URL")? }).await
}
