//! What this machine can do at all: the least that any queue has to do, without a queue. One limit per call, one
//! JSON line as the answer.

mod disk;
mod http;
mod postgres;
mod sqlite;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bench_driver::{Options, report};

/// What every limit is measured with.
struct Run {
    /// Connections, or clients.
    clients: usize,
    /// Rows in a transaction.
    batch: usize,
    /// For those that go on until time is up.
    time: Duration,
    /// For those that use up what was put there before.
    rows: usize,
}

impl Run {
    fn new(options: &Options) -> Result<Self> {
        Ok(Self {
            clients: options.number("clients")?,
            batch: options.number("batch")?,
            time: Duration::from_millis(options.number("milliseconds")?.try_into()?),
            rows: options.number("rows")?,
        })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let limit = arguments.next().context("which limit?")?;
    let run = Run::new(&Options::parse(arguments)?)?;
    let (store, operation) = limit.split_once('-').with_context(|| format!("no such limit: {limit}"))?;
    let folder = || std::env::var_os("BENCH_FOLDER").map(PathBuf::from).context("BENCH_FOLDER is not set");
    let (count, time) = match store {
        "postgres" => postgres::measure(operation, &run).await?,
        "sqlite" => sqlite::measure(operation, &run, &folder()?)?,
        "http" => http::measure(&run).await?,
        "disk" => disk::measure(&run, &folder()?)?,
        _ => bail!("no such limit: {limit}"),
    };
    report(count, time);
    Ok(())
}
