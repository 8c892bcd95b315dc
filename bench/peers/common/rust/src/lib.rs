//! The little protocol that every peer program speaks, for the programs in Rust. `bench/README.md` has it in words.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

const PAYLOAD_BYTES: usize = 200;

/// The wall clock in milliseconds: the producer and the worker are two processes.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970").as_secs_f64() * 1000.0
}

/// When the task was added (0: nobody asks), padded to the size that every peer gets.
pub fn payload(at: f64) -> Value {
    let padding = PAYLOAD_BYTES - json!({"at": at, "pad": ""}).to_string().len();
    json!({"at": at, "pad": "x".repeat(padding)})
}

/// One library, as the scenarios see it.
pub trait Peer: Send + Sync + 'static {
    type Producer: Producer;
    type Worker: Worker;

    fn prepare(&self) -> impl Future<Output = Result<()>>;
    fn producer(&self, connections: u32) -> impl Future<Output = Result<Self::Producer>>;
    fn worker(&self, progress: Arc<Progress>) -> impl Future<Output = Result<Self::Worker>>;
    fn remaining(&self) -> impl Future<Output = Result<i64>>;
}

pub trait Producer: Send + Sync + 'static {
    fn add(&self, payload: Value) -> impl Future<Output = Result<()>> + Send;
    fn add_many(&self, payloads: Vec<Value>) -> impl Future<Output = Result<()>> + Send;
}

pub trait Worker {
    fn stop(self) -> impl Future<Output = Result<()>>;
}

/// What a worker has done so far. `handle` is all that a task does.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    times: Mutex<Times>,
}

#[derive(Debug, Default, Clone)]
struct Times {
    first: f64,
    last: f64,
    latencies: Vec<f64>,
}

impl Progress {
    pub fn handle(&self, at: f64) {
        let mut times = self.times.lock().expect("no task panics");
        times.last = now();
        if times.first == 0.0 {
            times.first = times.last;
        }
        if at > 0.0 {
            let latency = times.last - at;
            times.latencies.push(latency);
        }
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn json(&self) -> Value {
        let times = self.times.lock().expect("no task panics");
        json!({"done": self.done(), "first": times.first, "last": times.last})
    }

    fn json_with_latencies(&self) -> Value {
        let mut all = self.json();
        all["latencies"] = json!(self.times.lock().expect("no task panics").latencies);
        all
    }
}

/// The options of the command line: `--name value`.
pub struct Options(HashMap<String, String>);

impl Options {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let arguments: Vec<String> = arguments.collect();
        let mut options = HashMap::new();
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { bail!("{pair:?} has no value") };
            options.insert(name.trim_start_matches("--").to_owned(), value.clone());
        }
        Ok(Self(options))
    }

    pub fn number(&self, name: &str) -> Result<usize> {
        self.0.get(name).with_context(|| format!("--{name} is missing"))?.parse().context(name.to_owned())
    }

    fn in_flight(&self) -> Result<usize> {
        if self.0.contains_key("in-flight") { self.number("in-flight") } else { Ok(16) }
    }
}

/// Runs `step(i)` for every i below `count`, `in_flight` of them at a time.
async fn times<F, Fut>(count: usize, in_flight: usize, step: F) -> Result<()>
where
    F: Fn(usize) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let next = AtomicU64::new(0);
    let lane = || async {
        loop {
            let i = usize::try_from(next.fetch_add(1, Ordering::Relaxed))?;
            if i >= count {
                return Ok(());
            }
            step(i).await?;
        }
    };
    try_join_all((0..in_flight).map(|_| lane())).await.map(drop)
}

/// Tells how long `count` of something took.
pub fn report(count: usize, time: Duration) {
    println!("{}", json!({"count": count, "seconds": time.as_secs_f64()}));
}

async fn timed(count: usize, work: impl Future<Output = Result<()>>) -> Result<()> {
    let start = Instant::now();
    work.await?;
    report(count, start.elapsed());
    Ok(())
}

async fn single(producer: impl Producer, options: &Options) -> Result<()> {
    let (tasks, in_flight) = (options.number("tasks")?, options.in_flight()?);
    let add = |_| producer.add(payload(0.0));
    times(16, in_flight, add).await?; // connects
    timed(tasks, times(tasks, in_flight, add)).await
}

async fn bulk(producer: impl Producer, options: &Options) -> Result<()> {
    let (tasks, batch) = (options.number("tasks")?, options.number("batch")?);
    let step = |i: usize| {
        let count = batch.min(tasks - i * batch);
        producer.add_many((0..count).map(|_| payload(0.0)).collect())
    };
    timed(tasks, times(tasks.div_ceil(batch), options.in_flight()?, step)).await
}

/// Adds at a steady rate whether or not earlier additions have been answered.
async fn produce(producer: impl Producer, options: &Options) -> Result<()> {
    let (rate, seconds) = (options.number("rate")?, options.number("seconds")?);
    let producer = Arc::new(producer);
    producer.add(payload(0.0)).await?;
    let mut pending = Vec::new();
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate as f64));
    for _ in 0..rate * seconds {
        ticks.tick().await;
        let producer = Arc::clone(&producer);
        pending.push(tokio::spawn(async move { producer.add(payload(now())).await }));
    }
    let count = pending.len() + 1;
    for addition in pending {
        addition.await??;
    }
    println!("{}", json!({ "count": count }));
    Ok(())
}

/// Works until standard input ends, and tells every 20 ms how far it is.
async fn work<P: Peer>(peer: &P) -> Result<()> {
    let progress = Arc::new(Progress::default());
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    println!("{}", json!({"ready": true}));
    lines.next_line().await?; // all workers start together
    let worker = peer.worker(Arc::clone(&progress)).await?;
    let mut told = u64::MAX;
    let ended = lines.next_line();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            _ = &mut ended => break,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
        if progress.done() != told {
            told = progress.done();
            println!("{}", progress.json());
        }
    }
    worker.stop().await?;
    println!("{}", progress.json_with_latencies());
    Ok(())
}

/// The whole program of a peer.
pub async fn run(peer: impl Peer) -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().context("which scenario?")?;
    let options = Options::parse(arguments)?;
    let connections = u32::try_from(options.in_flight()?)?;
    match command.as_str() {
        "prepare" => {
            peer.prepare().await?;
            println!("{}", json!({"prepared": true}));
            Ok(())
        }
        "single" => single(peer.producer(connections).await?, &options).await,
        "bulk" => bulk(peer.producer(connections).await?, &options).await,
        "produce" => produce(peer.producer(connections).await?, &options).await,
        "work" => work(&peer).await,
        "remaining" => {
            println!("{}", json!({"count": peer.remaining().await?}));
            Ok(())
        }
        _ => bail!("no such scenario: {command}"),
    }
}
