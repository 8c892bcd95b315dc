//! How fast the SQLite store is on this machine: batched inserts, claims and settlements.
//!
//! ```text
//! cargo run --release -p taskward-store --example sqlite_rates [TASKS] [PAYLOAD_BYTES] [DIRECTORY]
//! ```

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use taskward_core::{NewTask, RetryPolicy, Schedule, TaskId};
use taskward_store::sqlite::SqliteStore;
use taskward_store::{
    ClaimDemand, EnqueueMode, Heartbeat, Settlement, SettlementOutcome, StoreAdmin as _, StoreOptions,
    TaskStore as _,
};

const BATCH: usize = 1000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let tasks = arguments.next().map_or(Ok(200_000), |text| text.parse())?;
    let payload_bytes: usize = arguments.next().map_or(Ok(60), |text| text.parse())?;
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = tempfile::tempdir_in(parent)?;
    let store = SqliteStore::open(&directory.path().join("rates.db"), StoreOptions::default()).await?;
    store.migrate_up(None).await?;
    let payload = RawValue::from_string(format!("\"{}\"", "x".repeat(payload_bytes)))?;

    let batches = tasks / BATCH;
    let mut clock = Stopwatch::default();
    for _ in 0..batches {
        let batch: Vec<NewTask> = (0..BATCH).map(|_| task(payload.clone())).collect();
        clock.time(store.enqueue(batch, EnqueueMode::Each)).await?;
    }
    clock.report("enqueue, 1000 a call", tasks);

    let (mut claims, mut beats, mut settles) =
        (Stopwatch::default(), Stopwatch::default(), Stopwatch::default());
    for _ in 0..batches {
        let claimed = claims.time(store.claim(vec![demand()])).await?.remove(0);
        let beating = claimed.iter().map(|task| Heartbeat {
            id: task.id,
            lease: task.lease,
            extend: Duration::from_secs(60),
            progress: None,
        });
        beats.time(store.heartbeat(beating.collect())).await?;
        let reports = claimed.iter().map(|task| Settlement {
            id: task.id,
            lease: task.lease,
            outcome: SettlementOutcome::Completed(Some(payload.clone())),
        });
        settles.time(store.settle(reports.collect())).await?;
    }
    claims.report("claim, 1000 a call", tasks);
    beats.report("heartbeat, 1000 a call", tasks);
    settles.report("complete, 1000 a call", tasks);
    store.close().await;
    Ok(())
}

fn task(payload: Box<RawValue>) -> NewTask {
    NewTask {
        id: TaskId::generate(),
        kind: "mail.send".to_owned(),
        queue: "default".to_owned(),
        payload,
        priority: 5,
        schedule: Schedule::Now,
        timeout: Duration::from_secs(60),
        max_attempts: 10,
        retry: RetryPolicy::default(),
        unique: None,
        tags: Vec::new(),
        metadata: None,
        trace_context: None,
        idempotency: None,
    }
}

fn demand() -> ClaimDemand {
    ClaimDemand {
        worker_id: "worker-1".to_owned(),
        queues: vec!["default".to_owned()],
        kinds: Vec::new(),
        max: BATCH,
        lease: Duration::from_secs(60),
    }
}

#[derive(Default)]
struct Stopwatch {
    total: Duration,
}

impl Stopwatch {
    async fn time<T>(&mut self, call: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let answer = call.await;
        self.total += began.elapsed();
        answer
    }

    #[expect(clippy::print_stdout, reason = "a program for people at a terminal")]
    fn report(&self, what: &str, tasks: usize) {
        let seconds = self.total.as_secs_f64();
        println!("{what:<24} {:>9.0} rows/s", tasks as f64 / seconds);
    }
}
